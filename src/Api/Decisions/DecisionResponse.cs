using System.Text.Json;
using Recsys.Api.Experiments;

namespace Recsys.Api.Decisions;

/// <summary>Writes decisions and explanations as JSON.</summary>
public static class DecisionResponse
{
    /// <summary>Writes a decision.</summary>
    public static void Write(Utf8JsonWriter json, ExperimentRuntime runtime, DecisionWorkspace workspace, in DecisionOutcome outcome)
    {
        Start(json, runtime, workspace, outcome);
        json.WriteStartArray("actions"u8);
        foreach (var slot in workspace.Slots)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, workspace.Candidates[slot.Action].Id.Span);
            json.WriteNumber("propensity"u8, slot.Propensity);
            json.WriteNumber("estimate"u8, workspace.Means[slot.Action]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        // Said only when it is news: the answer stands, and training will not see it.
        if (!outcome.IsLogged)
            json.WriteBoolean("logged"u8, false);
        json.WriteEndObject();
    }

    /// <summary>Writes every candidate of an explanation.</summary>
    public static void WriteExplanation(Utf8JsonWriter json, ExperimentRuntime runtime, DecisionWorkspace workspace, in DecisionOutcome outcome)
    {
        var definition = runtime.Experiment.Definition;
        Start(json, runtime, workspace, outcome);
        json.WriteString("mode"u8, definition.Mode.ToString().ToLowerInvariant());
        json.WriteStartArray("rules"u8);
        if (workspace.ExcludedCount > 0)
            json.WriteStringValue($"excludedActions took out {workspace.ListedCount - workspace.CandidateCount} of {workspace.ListedCount} candidates.");
        if (definition.Policy.MinimumPropensity > 0)
            json.WriteStringValue($"Every candidate has at least propensity {Math.Min(definition.Policy.MinimumPropensity, 1.0 / workspace.CandidateCount)}.");
        if (definition.Mode == Infrastructure.Experiments.ExperimentMode.Apprentice)
            json.WriteStringValue("Mode apprentice serves the first listed action.");
        if (definition.Mode == Infrastructure.Experiments.ExperimentMode.Logging)
            json.WriteStringValue("Mode logging serves uniformly.");
        json.WriteEndArray();
        json.WriteStartArray("clusters"u8);
        foreach (var cluster in workspace.Clusters)
        {
            json.WriteStartObject();
            json.WriteNumber("cluster"u8, cluster.Cluster);
            json.WriteNumber("weight"u8, cluster.Weight);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("actions"u8);
        for (var i = 0; i < workspace.CandidateCount; i++)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, workspace.Candidates[i].Id.Span);
            json.WriteNumber("propensity"u8, workspace.Scratch[i]);
            json.WriteNumber("estimate"u8, workspace.Means[i]);
            json.WriteNumber("width"u8, workspace.Widths[i]);
            json.WriteNumber("memoryCorrection"u8, 0);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Start(Utf8JsonWriter json, ExperimentRuntime runtime, DecisionWorkspace workspace, in DecisionOutcome outcome)
    {
        json.WriteStartObject();
        json.WriteString("decisionId"u8, workspace.DecisionId.Span);
        json.WriteString("experiment"u8, runtime.Name);
        json.WriteString("policy"u8, outcome.Policy.Span);
        json.WriteNumber("policyVersion"u8, outcome.PolicyVersion);
        json.WriteNumber("parameterAgeSeconds"u8, outcome.ParameterAgeSeconds);
        json.WriteString("fallback"u8, outcome.Fallback);
    }
}
