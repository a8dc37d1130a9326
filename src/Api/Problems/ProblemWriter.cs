using System.Diagnostics;
using System.Text.Json;
using Recsys.Api.Serialization;

namespace Recsys.Api.Problems;

/// <summary>Writes problem documents: as a whole response, or as one result of a batch.</summary>
public static class ProblemWriter
{
    /// <summary>Media type of RFC 9457.</summary>
    public const string ContentType = "application/problem+json";

    private const string RetryAfterSeconds = "1";

    /// <summary>Answers with a problem.</summary>
    public static Task WriteAsync(HttpContext context, Problem problem)
    {
        var response = context.Response;
        response.StatusCode = problem.Type.Status;
        if (problem.Type.Status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests)
            response.Headers.RetryAfter = RetryAfterSeconds;
        return JsonResponse.WriteAsync(response, ContentType, (context, problem), static (json, state) => WriteObject(json, state.problem, TraceId(state.context)));
    }

    /// <summary>Writes a problem as a JSON object.</summary>
    public static void WriteObject(Utf8JsonWriter json, Problem problem, string traceId)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, problem.Type.Urn);
        json.WriteString("title"u8, problem.Type.Title);
        json.WriteNumber("status"u8, problem.Type.Status);
        json.WriteString("detail"u8, problem.Detail);
        if (problem.Errors.Count > 0)
        {
            json.WriteStartObject("errors"u8);
            foreach (var field in problem.Errors.GroupBy(static e => e.Key, static e => e.Value, StringComparer.Ordinal))
            {
                json.WriteStartArray(field.Key);
                foreach (var message in field)
                    json.WriteStringValue(message);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteString("traceId"u8, traceId);
        json.WriteEndObject();
    }

    /// <summary>What to look for in the log: the W3C trace id when there is one.</summary>
    public static string TraceId(HttpContext context) => Activity.Current?.Id ?? context.TraceIdentifier;
}
