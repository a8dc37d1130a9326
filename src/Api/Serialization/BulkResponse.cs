using Recsys.Api.Problems;

namespace Recsys.Api.Serialization;

/// <summary>The answer to a bulk request: 202 and one result per entry in the order of the request, <c>{"status":202}</c> or a problem.</summary>
public static class BulkResponse
{
    /// <summary>Writes it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="results">Null for each accepted entry, else what is wrong with it.</param>
    public static Task WriteAsync(HttpContext context, IReadOnlyList<Problem?> results)
    {
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        return JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, (context, results), static (json, state) =>
        {
            var traceId = ProblemWriter.TraceId(state.context);
            json.WriteStartObject();
            json.WriteStartArray("results"u8);
            foreach (var problem in state.results)
            {
                if (problem is not null)
                {
                    ProblemWriter.WriteObject(json, problem, traceId);
                    continue;
                }
                json.WriteStartObject();
                json.WriteNumber("status"u8, StatusCodes.Status202Accepted);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
