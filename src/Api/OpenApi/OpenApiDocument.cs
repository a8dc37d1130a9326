using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Recsys.Api.Problems;
using Recsys.Bandits.Policies;

namespace Recsys.Api.OpenApi;

/// <summary>
/// Makes the OpenAPI document: the template beside this file, written by hand because the decision path reads raw bodies that no reflection sees,
/// completed by what code knows better: policy kinds with their parameters, and the list of problems. Tests compare it with the routes and with <c>docs/openapi.json</c>.
/// </summary>
public static class OpenApiDocument
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The document as indented JSON with a final line end.</summary>
    public static string Create()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Recsys.Api.OpenApi.template.json")!;
        var document = JsonNode.Parse(stream)!;
        var schemas = document["components"]!["schemas"]!;
        var kind = schemas["PolicyKind"]!;
        kind["enum"] = new JsonArray([.. PolicyCatalog.Kinds.Keys.Select(static name => (JsonNode)name)]);
        kind["description"] = "Each kind with its parameters for `policy.parameters`, their defaults and ranges:\n\n" + string.Join("\n", PolicyCatalog.Kinds.Values.Select(Describe));
        var problems = (JsonObject)schemas["Problem"]!["properties"]!["type"]!;
        problems["enum"] = new JsonArray([.. ProblemTypes.All.Select(static p => (JsonNode)p.Urn)]);
        problems["description"] = string.Join("\n", ProblemTypes.All.Select(static p => $"- `{p.Slug}` ({p.Status}): {p.Title}"));
        document["info"]!["version"] = typeof(OpenApiDocument).Assembly.GetName().Version!.ToString(3);
        return document.ToJsonString(Indented) + "\n";
    }

    private static string Describe(IPolicyKind kind)
    {
        var parameters = kind.Hyperparameters.Select(static h =>
            $"  - `{h.Name}` = {h.Default} ({(h.Choices is null ? $"{h.Minimum} to {h.Maximum}{(h.Integer ? ", whole" : "")}" : string.Join(", ", h.Choices))}): {h.Summary}");
        return string.Join("\n", parameters.Prepend($"- `{kind.Name}`"));
    }
}
