using System.CommandLine;
using System.Text.Json.Serialization;
using Recsys.Learner.Replay;

namespace Recsys.Learner.CommandLine;

/// <summary>The JSON shape of a replay.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReplayResult))]
internal sealed partial class ReplayJsonContext : JsonSerializerContext;

/// <summary><c>replay</c>: see contract section 4.</summary>
public static class ReplayCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var log = new Option<string>("--log")
        {
            Description = "The log: a journal directory (data/log/…), one of its segments, or a file with one JSON event per line, plain or gzip.",
            HelpName = "path",
            Required = true,
        };
        var definition = new Option<string?>("--experiment-definition")
        {
            Description = "Definition to learn it under. Default: the one that the data directory holds for this log, else {}. "
                + "In mode logging nothing is learned, as in the service.",
            HelpName = "file",
        };
        var json = new Option<bool>("--json") { Description = "Print one JSON object on the last line of standard output." };
        var command = new Command(
            "replay", "Feed a recorded event log through decoder, joiner and trainer. The digest equals that of the learner after the same records.")
        {
            log, definition, json,
        };
        // On a pool thread, so that Ctrl+C can cancel it.
        command.SetAction((parsed, cancellation) => Task.Run(
            () => Run(parsed, parsed.GetRequiredValue(log), parsed.GetValue(definition), parsed.GetValue(json), cancellation), cancellation));
        return command;
    }

    private static int Run(ParseResult parsed, string log, string? definition, bool json, CancellationToken cancellation)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var experiment = ReplayExperiment.For(log, definition);
        var total = Math.Max(1, RecordedLog.Count(log));
        var result = ProgressReporter.Run(
            error, $"replay {experiment.Definition.Policy.Kind}", total,
            progress => LogReplay.Run(experiment, RecordedLog.Read(log), progress, cancellation));
        if (json)
            ResultWriter.WriteJson(output, result, ReplayJsonContext.Default.ReplayResult);
        else
            ResultWriter.WriteTable(output, result, ReplayJsonContext.Default.ReplayResult);
        return 0;
    }
}
