using System.Text.Json;

namespace Recsys.Api.Experiments;

/// <summary>Writes an experiment with its live state.</summary>
public static class ExperimentResponse
{
    /// <summary>Writes one.</summary>
    public static void Write(Utf8JsonWriter json, ExperimentRuntime runtime, long now)
    {
        var experiment = runtime.Experiment;
        var state = runtime.Slot.Current;
        json.WriteStartObject();
        json.WriteString("experiment"u8, experiment.Name);
        json.WritePropertyName("definition"u8);
        json.WriteRawValue(experiment.Definition.Json);
        json.WriteString("policy"u8, experiment.Definition.Policy.Kind);
        json.WriteNumber("policyVersion"u8, state.Policy?.Descriptor.Version ?? 0);
        json.WriteNumber("interactions"u8, state.Policy?.Descriptor.Version ?? 0);
        json.WriteNumber("parameterAgeSeconds"u8, ExperimentRuntime.AgeSeconds(state, now));
        json.WriteNumber("actions"u8, runtime.Actions);
        json.WriteString("mode"u8, experiment.Definition.Mode.ToString().ToLowerInvariant());
        json.WriteString("createdAt"u8, DateTimeOffset.FromUnixTimeMilliseconds(experiment.CreatedAt).UtcDateTime);
        if (runtime.Catalogue.Plan is { Plan.Centroids.Count: > 0 and var clusters } plan && plan.Head == experiment.Graph)
            json.WriteNumber("clusters"u8, clusters);
        WriteGraph(json, runtime);
        var warnings = Warnings(runtime).ToList();
        if (warnings.Count > 0)
        {
            json.WriteStartArray("warnings"u8);
            foreach (var warning in warnings)
                json.WriteStringValue(warning);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteGraph(Utf8JsonWriter json, ExperimentRuntime runtime)
    {
        var served = runtime.Catalogue.Served;
        var graph = served.Graph;
        json.WriteStartObject("graph"u8);
        json.WriteNumber("version"u8, graph.Version);
        json.WriteNumber("acceptedVersion"u8, runtime.Experiment.Graph.Version);
        json.WriteNumber("clusters"u8, graph.Clusters);
        json.WriteNumber("edges"u8, graph.Edges);
        json.WriteNumber("items"u8, graph.ItemCount);
        json.WriteNumber("newcomers"u8, served.Newcomers);
        var (graduated, retired) = runtime.Catalogue.Dismissed;
        json.WriteNumber("graduated"u8, graduated);
        json.WriteNumber("retired"u8, retired);
        json.WriteEndObject();
    }

    private static IEnumerable<string> Warnings(ExperimentRuntime runtime)
    {
        var definition = runtime.Experiment.Definition;
        foreach (var warning in definition.Warnings)
            yield return warning;
        if (runtime.Catalogue.LeftOut > 0)
            yield return $"{runtime.Catalogue.LeftOut} items have no vector of length {definition.Features.ActionVector} (features.action.vector) and are left out of the catalogue.";
    }
}
