using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Recsys.Learner.Training;

namespace Recsys.Learner.CommandLine;

/// <summary>The verb <c>replay</c>: feeds a recorded event log through join and training, and prints what was learned and its digest.</summary>
public static class ReplayCommand
{
    /// <summary>Builds it.</summary>
    public static Command Create()
    {
        var log = new Option<FileSystemInfo>("--log") { Required = true, Description = "A journal directory or segment of an embedded service, or a file with one JSON event per line." };
        var definition = new Option<FileInfo?>("--definition") { Description = "The experiment's definition as JSON; {} when not given." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object on the last line." };
        var command = new Command("replay", "Feeds a recorded event log and prints the digest of the learned state. The same log gives the same digest.") { log, definition, json };
        command.SetAction(parsed => Run(
            parsed.GetValue(log)!.FullName, parsed.GetValue(definition), parsed.GetValue(json), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    private static int Run(string path, FileInfo? definitionFile, bool asJson, TextWriter output, TextWriter error)
    {
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            error.WriteLine($"There is no log at '{path}'.");
            return LearnerCommandLine.Failed;
        }
        var problems = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(definitionFile is null ? "{}"u8.ToArray() : File.ReadAllBytes(definitionFile.FullName), problems);
        if (definition is null)
        {
            foreach (var (field, problem) in problems)
                error.WriteLine($"{field}: {problem}");
            return LearnerCommandLine.Misused;
        }
        var state = new PartitionState(new Experiment("replay", definition, 0, []));
        long events = 0, setAside = 0;
        var lines = !Directory.Exists(path) && !path.EndsWith(".log", StringComparison.Ordinal);
        var records = lines ? Lines(path) : JournalReader.ReadLog(path);
        ProgressReporter.Run(error, "replay", Math.Max(1, Size(path)), progress =>
        {
            long read = 0;
            foreach (var record in records)
            {
                if (state.Take(record, learns: true).Problem is { } problem)
                {
                    setAside++;
                    error.WriteLine($"record {record.Offset}: {problem}");
                }
                events++;
                if (state.Waiting >= 256)
                    state.Learn();
                progress.Report(Math.Min(Size(path), read += record.Value.Length));
            }
            state.Learn();
            return events;
        });
        var counts = state.Counts;
        var result = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["policy"] = definition.Policy.Kind,
            ["digest"] = state.Digest().ToString("x16", CultureInfo.InvariantCulture),
            ["interactions"] = state.Interactions,
            ["events"] = events,
            ["setAside"] = setAside,
            ["decisions"] = counts.Decisions,
            ["joined"] = counts.Joined,
            ["defaulted"] = counts.Defaulted,
            ["duplicate"] = counts.Duplicate,
            ["late"] = counts.Late,
            ["orphan"] = counts.Orphan,
            ["invalid"] = counts.Invalid,
            ["unactivated"] = counts.Unactivated,
        };
        if (asJson)
        {
            output.WriteLine(JsonSerializer.Serialize(result));
        }
        else
        {
            foreach (var (name, value) in result)
                output.WriteLine($"  {name,-14}{value}");
        }
        return 0;
    }

    private static IEnumerable<LogRecord> Lines(string path)
    {
        long offset = 0;
        var modified = new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeMilliseconds();
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0)
                continue;
            var value = System.Text.Encoding.UTF8.GetBytes(line);
            yield return new LogRecord(0, offset++, default, value, new EventHeaders(EventTopics.JsonContentType), TimeOf(value) ?? modified);
        }
    }

    // A file has no clock of its own, so each event is taken to have been appended when it says it happened.
    private static long? TimeOf(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("time", out var time)
                && time.ValueKind == JsonValueKind.String && DateTimeOffset.TryParse(time.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
                ? at.ToUnixTimeMilliseconds()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static long Size(string path) => Directory.Exists(path) ? new DirectoryInfo(path).EnumerateFiles().Sum(static f => f.Length) : new FileInfo(path).Length;
}
