using System.Text.Json;
using Recsys.Api.Problems;

namespace Recsys.Api.Serialization;

/// <summary>A body <c>{ "field": [ … ] }</c> whose entries are taken each for itself.</summary>
public static class BulkRequest
{
    /// <summary>Reads the body, has its entries taken and answers. When nothing could be taken because the store is away, that is the answer to all of it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="field">Name of the array.</param>
    /// <param name="entriesMax">Most entries.</param>
    /// <param name="bytesMax">Most bytes of the body.</param>
    /// <param name="take">Takes the entries; null for each that was accepted, else what is wrong with it.</param>
    public static async Task AnswerAsync(
        HttpContext context, string field, int entriesMax, int bytesMax, Func<JsonElement, Task<IReadOnlyList<Problem?>>> take)
    {
        var body = new RequestBody();
        var problem = await body.ReadAsync(context.Request, bytesMax);
        if (problem is null && JsonFields.Parse(body.Bytes, out problem) is { } document)
        {
            using (document)
                problem = await TakeAsync(context, document.RootElement, field, entriesMax, take);
        }
        if (problem is not null)
            await ProblemWriter.WriteAsync(context, problem);
    }

    private static async Task<Problem?> TakeAsync(
        HttpContext context, JsonElement root, string field, int entriesMax, Func<JsonElement, Task<IReadOnlyList<Problem?>>> take)
    {
        var errors = new List<KeyValuePair<string, string>>();
        if (JsonFields.Array(root, field, entriesMax, errors) is not { } entries)
            return Problem.Invalid(errors);
        var results = await take(entries);
        if (results.Count > 0 && results.All(static r => r?.Type == ProblemTypes.StoreUnavailable))
            return results[0];
        await BulkResponse.WriteAsync(context, results);
        return null;
    }
}
