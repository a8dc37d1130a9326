using System.Globalization;
using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;

namespace Recsys.Infrastructure.Experiments;

/// <summary>Reads a definition strictly: every problem is found at once, unknown fields are refused by name, every missing field takes its default.</summary>
public static class ExperimentDefinitionReader
{
    /// <summary>Most dense vector elements a definition may ask for; bounds the memory of one request.</summary>
    public const int VectorMax = 4096;

    private static readonly Hyperparameter[] GraphParameters =
    [
        new("clustersPerUser", "10", "K: nearest user clusters that propose items (arXiv 2307.15893, section 4.1).", 1, 64, Integer: true),
        new("itemsPerCluster", "100", "W: items that each user cluster proposes.", 1, 100_000, Integer: true),
        new("clusterTemperature", "0.1", "Temperature of the softmax over cosine similarities to the centroids; smaller is sharper.", 1e-4, 100),
        new("graduateAfter", "200", "Learned interactions after which an item that no cluster ranks is ranked, or retired.", 1, 1_000_000_000, Integer: true),
    ];

    // A duration, so no hyperparameter: how long an item that no cluster ranks is proposed in its turn.
    private const string NewcomerFor = "newcomerFor";
    private static readonly TimeSpan NewcomerForDefault = TimeSpan.FromDays(7);
    private static readonly TimeSpan NewcomerForMax = TimeSpan.FromDays(3650);

    private static readonly string[] DurationFormats = ["c", @"hh\:mm\:ss"];

    private static readonly string[] MemoryFields =
    [
        "enabled", "arrays", "bits", "window", "renewAfter", "keys", "lambda", "gamma", "evidence", "readout", "temperature", "seed", "reset",
    ];

    // Whole numbers of JSON are exact up to here in every language.
    private const double WholeMax = (1L << 53) - 1;

    /// <summary>Reads a definition.</summary>
    /// <param name="json">UTF-8 JSON; an empty object is a valid definition.</param>
    /// <param name="errors">Receives field path and problem of everything that is wrong.</param>
    /// <returns>The definition, or null when <paramref name="errors"/> has something to say.</returns>
    public static ExperimentDefinition? Read(ReadOnlyMemory<byte> json, ICollection<KeyValuePair<string, string>> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException problem)
        {
            errors.Add(new("$", $"The body is not valid JSON: {problem.Message}"));
            return null;
        }
        using (document)
            return new Reader(errors).Definition(document.RootElement);
    }

    private sealed class Reader(ICollection<KeyValuePair<string, string>> errors)
    {
        private readonly int _before = errors.Count;

        public ExperimentDefinition? Definition(JsonElement root)
        {
            if (!Fields(root, "", "policy", "challengers", "features", "candidates", "reward", "exploration", "errorMemory", "mode"))
                return null;

            var features = Features(Get(root, "features"));
            var reward = Reward(Get(root, "reward"));
            var range = new RewardRange(reward.Minimum, reward.Maximum);
            var floor = 0.0;
            if (Get(root, "exploration") is { } exploration && Fields(exploration, "exploration", "minimumPropensity"))
                floor = Number(exploration, "exploration", "minimumPropensity", 0, 0, 1);
            var memory = Memory(Get(root, "errorMemory"));
            var candidates = Choice(root, "candidates", CandidateSource.Request);
            var mode = Choice(root, "mode", ExperimentMode.Online);

            var graph = new Dictionary<string, string>(StringComparer.Ordinal);
            var policy = Policy(Get(root, "policy"), "policy", features, range, floor, graph);
            var challengers = Challengers(Get(root, "challengers"), features, range, floor);
            if (mode == ExperimentMode.Apprentice && candidates == CandidateSource.Catalogue)
                Problem("mode", "'apprentice' serves the first listed action, so it needs candidates 'request'.");
            if (errors.Count > _before || policy is null)
                return null;

            double GraphNumber(int i) => double.Parse(graph.GetValueOrDefault(GraphParameters[i].Name, GraphParameters[i].Default), CultureInfo.InvariantCulture);
            var newcomerFor = graph.TryGetValue(NewcomerFor, out var text) ? TimeSpan.ParseExact(text, DurationFormats, CultureInfo.InvariantCulture) : NewcomerForDefault;
            var settings = new GraphSettings((int)GraphNumber(0), (int)GraphNumber(1), GraphNumber(2), newcomerFor, (int)GraphNumber(3));
            return new ExperimentDefinition(policy, challengers, candidates, reward, memory, mode, settings, root.GetRawText());
        }

        private FeatureSchema Features(JsonElement? given)
        {
            var defaults = new FeatureSchema();
            if (given is not { } features || !Fields(features, "features", "context", "action"))
                return defaults;
            int Part(string part, string field, int fallback, int minimum, int maximum) =>
                Get(features, part) is { ValueKind: JsonValueKind.Object } at ? (int)Number(at, $"features.{part}", field, fallback, minimum, maximum, whole: true) : fallback;
            foreach (var part in (string[])["context", "action"])
            {
                if (Get(features, part) is { } element)
                    Fields(element, $"features.{part}", "vector", "hashBits");
            }
            return new FeatureSchema(
                Part("context", "vector", defaults.ContextVector, 0, VectorMax),
                Part("context", "hashBits", defaults.ContextHashBits, 1, 24),
                Part("action", "vector", defaults.ActionVector, 0, VectorMax),
                Part("action", "hashBits", defaults.ActionHashBits, 1, 24));
        }

        /// <summary>Settings are checked whether or not the memory is switched on; null where it is not.</summary>
        private MemoryOptions? Memory(JsonElement? given)
        {
            const string Path = "errorMemory";
            if (given is not { } memory || !Fields(memory, Path, MemoryFields))
                return null;
            var defaults = MemoryOptions.Default;
            int Size(string field, int fallback, int maximum) => (int)Number(memory, Path, field, fallback, 1, maximum, whole: true);
            var shape = new MemoryShape(
                Size("arrays", defaults.Shape.Arrays, MemoryShape.ArraysMax), Size("bits", defaults.Shape.Bits, MemoryShape.BitsMax));
            if (shape.Cells > MemoryShape.CellsMax)
                Problem($"{Path}.arrays", $"{shape.Arrays} arrays of 2^{shape.Bits} cells are {shape.Cells} cells; at most {MemoryShape.CellsMax} are possible.");
            var options = new MemoryOptions(
                shape,
                (ulong)Number(memory, Path, "seed", defaults.Seed, 0, WholeMax, whole: true),
                Choice(memory, "keys", defaults.Keys, $"{Path}."),
                Size("window", defaults.Window, MemoryOptions.WindowMax),
                Size("renewAfter", defaults.RenewAfter, MemoryOptions.WindowMax),
                Number(memory, Path, "lambda", defaults.Lambda, 0, 1),
                Number(memory, Path, "gamma", defaults.Gamma, 0, 1),
                Get(memory, "evidence") is null ? null : Number(memory, Path, "evidence", 0, 0, MemoryOptions.EvidenceMax),
                Choice(memory, "readout", defaults.Readout, $"{Path}."),
                Number(memory, Path, "temperature", defaults.Temperature, MemoryOptions.TemperatureMin, MemoryOptions.TemperatureMax),
                (long)Number(memory, Path, "reset", defaults.Reset, -WholeMax, WholeMax, whole: true));
            return Boolean(memory, Path, "enabled", false) ? options : null;
        }

        private RewardRule Reward(JsonElement? given)
        {
            var rule = new RewardRule(TimeSpan.FromMinutes(10), 0, RewardAggregate.First, 0, 1);
            if (given is not { } reward || !Fields(reward, "reward", "window", "default", "aggregate", "minimum", "maximum"))
                return rule;
            var window = rule.Window;
            if (Get(reward, "window") is { } text)
            {
                if (text.ValueKind != JsonValueKind.String || !TimeSpan.TryParseExact(text.GetString(), DurationFormats, CultureInfo.InvariantCulture, out window))
                    Problem("reward.window", "Give a duration as \"hh:mm:ss\" or \"d.hh:mm:ss\", for example \"00:10:00\".");
                else if (window < TimeSpan.FromMilliseconds(1) || window > TimeSpan.FromDays(30))
                    Problem("reward.window", $"A reward window lies between 1 ms and 30 days, not {window}.");
            }
            const double Bound = 1e9;
            var minimum = Number(reward, "reward", "minimum", Math.Min(0, Number(reward, "reward", "maximum", 1, -Bound, Bound) - 1), -Bound, Bound);
            var maximum = Number(reward, "reward", "maximum", 1, -Bound, Bound);
            if (!(maximum > minimum))
                Problem("reward.maximum", $"The maximum must be above the minimum ({minimum}).");
            var fallback = Number(reward, "reward", "default", Math.Clamp(0, Math.Min(minimum, maximum), maximum), -Bound, Bound);
            if (maximum > minimum && (fallback < minimum || fallback > maximum))
                Problem("reward.default", $"The default reward {fallback} lies outside [{minimum}, {maximum}].");
            return new RewardRule(window, fallback, Choice(reward, "aggregate", RewardAggregate.First, "reward."), minimum, maximum);
        }

        private PolicySpec? Policy(
            JsonElement? given, string path, FeatureSchema features, RewardRange range, double floor, Dictionary<string, string> graph, params string[] alsoAllowed)
        {
            var name = DefaultKind;
            var parameters = new List<KeyValuePair<string, string>>();
            if (given is { } policy)
            {
                if (!Fields(policy, path, ["kind", "parameters", .. alsoAllowed]))
                    return null;
                if (Get(policy, "kind") is { } kindField)
                {
                    if (kindField.ValueKind != JsonValueKind.String)
                        Problem($"{path}.kind", $"Give the name of a policy kind: {PolicyCatalog.KnownNames}.");
                    else
                        name = kindField.GetString()!;
                }
                if (Get(policy, "parameters") is { } bag)
                {
                    if (bag.ValueKind != JsonValueKind.Object)
                    {
                        Problem($"{path}.parameters", "Give an object of names and values.");
                    }
                    else
                    {
                        foreach (var field in bag.EnumerateObject())
                        {
                            var text = field.Value.ValueKind is JsonValueKind.String ? field.Value.GetString()! : field.Value.GetRawText();
                            var shared = Array.Find(GraphParameters, p => p.Name == field.Name);
                            if (field.Name == NewcomerFor)
                                Duration(field.Value, $"{path}.parameters.{NewcomerFor}", graph);
                            else if (shared is null)
                                parameters.Add(new(field.Name, text));
                            else if (shared.Check(text) is { } problem)
                                Problem($"{path}.parameters.{field.Name}", problem);
                            else
                                graph[field.Name] = text;
                        }
                    }
                }
            }
            if (!PolicyCatalog.Kinds.TryGetValue(name, out var kind))
            {
                Problem($"{path}.kind", $"Unknown policy kind '{name}'. Known: {PolicyCatalog.KnownNames}.");
                return null;
            }
            var problems = new List<string>();
            var spec = PolicyCatalog.Configure(kind, parameters, features, range, floor, problems);
            foreach (var problem in problems)
                Problem($"{path}.parameters", problem);
            return spec;
        }

        private void Duration(JsonElement value, string path, Dictionary<string, string> graph)
        {
            if (value.ValueKind == JsonValueKind.String && TimeSpan.TryParseExact(value.GetString(), DurationFormats, CultureInfo.InvariantCulture, out var duration)
                && duration > TimeSpan.Zero && duration <= NewcomerForMax)
                graph[NewcomerFor] = value.GetString()!;
            else
                Problem(path, $"Give a duration as \"hh:mm:ss\" or \"d.hh:mm:ss\", above zero and at most {NewcomerForMax.TotalDays:0} days, for example \"7.00:00:00\".");
        }

        private List<Challenger> Challengers(JsonElement? given, FeatureSchema features, RewardRange range, double floor)
        {
            var challengers = new List<Challenger>();
            if (given is not { } list)
                return challengers;
            if (list.ValueKind != JsonValueKind.Array)
            {
                Problem("challengers", "Give an array of policies, each with a name.");
                return challengers;
            }
            var index = 0;
            foreach (var element in list.EnumerateArray())
            {
                var path = $"challengers[{index++}]";
                if (Policy(element, path, features, range, floor, [], "name", "share") is not { } spec)
                    continue;
                var name = Get(element, "name") is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";
                if (name.Length is 0 or > 63)
                    Problem($"{path}.name", "Give the challenger a name of 1 to 63 characters.");
                else if (challengers.Exists(c => c.Name == name))
                    Problem($"{path}.name", $"Two challengers are called '{name}'.");
                var share = Number(element, path, "share", 0, 0, 1);
                if (share > 0)
                    Problem($"{path}.share", "Challengers cannot take a share of decisions in this version; use 0.");
                challengers.Add(new Challenger(name, spec, share));
            }
            return challengers;
        }

        private bool Fields(JsonElement at, string path, params string[] known)
        {
            if (at.ValueKind != JsonValueKind.Object)
            {
                Problem(path.Length == 0 ? "$" : path, $"Give an object, not {Kind(at)}.");
                return false;
            }
            foreach (var field in at.EnumerateObject())
            {
                if (Array.IndexOf(known, field.Name) < 0)
                    Problem(path.Length == 0 ? field.Name : $"{path}.{field.Name}", $"Unknown field. Known: {string.Join(", ", known)}.");
            }
            return true;
        }

        private double Number(JsonElement at, string path, string field, double fallback, double minimum, double maximum, bool whole = false)
        {
            if (Get(at, field) is not { } given)
                return fallback;
            if (given.ValueKind == JsonValueKind.Number && given.TryGetDouble(out var number) && double.IsFinite(number)
                && number >= minimum && number <= maximum && (!whole || number == Math.Floor(number)))
                return number;
            Problem($"{path}.{field}", $"Give a {(whole ? "whole " : "")}number between {minimum} and {maximum}, not {given.GetRawText()}.");
            return fallback;
        }

        private bool Boolean(JsonElement at, string path, string field, bool fallback)
        {
            if (Get(at, field) is not { } given)
                return fallback;
            if (given.ValueKind is JsonValueKind.True or JsonValueKind.False)
                return given.GetBoolean();
            Problem($"{path}.{field}", $"Give true or false, not {given.GetRawText()}.");
            return fallback;
        }

        private T Choice<T>(JsonElement at, string field, T fallback, string prefix = "") where T : struct, Enum
        {
            if (Get(at, field) is not { } given)
                return fallback;
            foreach (var value in Enum.GetValues<T>())
            {
                if (given.ValueKind == JsonValueKind.String && given.ValueEquals(value.ToString().ToLowerInvariant()))
                    return value;
            }
            var known = string.Join(", ", Enum.GetNames<T>().Select(static n => n.ToLowerInvariant()));
            Problem(prefix + field, $"Give one of {known}, not {given.GetRawText()}.");
            return fallback;
        }

        // A field that is null counts as not given, so that a client may send every field it knows.
        private static JsonElement? Get(JsonElement at, string field) =>
            at.ValueKind == JsonValueKind.Object && at.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private static string Kind(JsonElement element) => element.ValueKind.ToString().ToLowerInvariant();

        private void Problem(string path, string message)
        {
            var entry = KeyValuePair.Create(path, message);
            if (!errors.Contains(entry))
                errors.Add(entry);
        }
    }

    /// <summary>The policy of a definition that names none.</summary>
    public const string DefaultKind = "neu-fast-cb";
}
