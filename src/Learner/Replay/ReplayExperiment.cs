using System.Text;
using System.Text.Json;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Replay;

/// <summary>Finds what a recorded log is to be learned as.</summary>
public static class ReplayExperiment
{
    /// <summary>
    /// The definition in a given file; else the one that the data directory holds for the log, with its time of creation; else the default
    /// definition.
    /// </summary>
    /// <param name="log">Path of the log.</param>
    /// <param name="definition">Path of a definition (contract, section 1.1), or null.</param>
    /// <exception cref="DataFileException">The definition cannot be read or is invalid; names every problem.</exception>
    public static Experiment For(string log, string? definition)
    {
        if (definition is not null)
            return new Experiment("replay", Define(definition, ReadFile(definition)), 0, GraphHead.None);
        var (name, stored) = StoredFor(Path.GetFullPath(log));
        if (!File.Exists(stored))
            return new Experiment("replay", Define("the default definition", "{}"u8.ToArray()), 0, GraphHead.None);
        try
        {
            using var document = JsonDocument.Parse(ReadFile(stored));
            var json = Encoding.UTF8.GetBytes(document.RootElement.GetProperty("definition").GetRawText());
            return new Experiment(name, Define(stored, json), document.RootElement.GetProperty("createdAt").GetInt64(), GraphHead.None);
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new DataFileException(stored, $"This is no stored experiment ({problem.Message}). Give one with --experiment-definition.");
        }
    }

    // data/log/{topic}[/{segment}] has its definition in data/experiments/{experiment}.json.
    private static (string Name, string Path) StoredFor(string log)
    {
        var directory = Directory.Exists(log) ? log : Path.GetDirectoryName(log)!;
        var topic = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory));
        var (before, after) = (EventTopics.Events(""), topic);
        var split = before.IndexOf("..", StringComparison.Ordinal) + 1;
        var name = after.StartsWith(before[..split], StringComparison.Ordinal) && after.EndsWith(before[split..], StringComparison.Ordinal) && after.Length > before.Length
            ? after[split..^(before.Length - split)]
            : after;
        return (name, Path.GetFullPath(Path.Combine(directory, "..", "..", "experiments", name + ".json")));
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, problem.Message);
        }
    }

    private static ExperimentDefinition Define(string path, byte[] json)
    {
        var errors = new List<KeyValuePair<string, string>>();
        return ExperimentDefinitionReader.Read(json, errors)
            ?? throw new DataFileException(path, string.Join(" ", errors.Select(static e => $"{e.Key}: {e.Value}")));
    }
}
