namespace Recsys.Api.Telemetry;

/// <summary>Every log message of the Api.</summary>
internal static partial class ApiLog
{
    [LoggerMessage(EventId = 1001, Level = LogLevel.Error, Message = "A request failed in a way nobody foresaw")]
    public static partial void Unexpected(this ILogger log, Exception problem);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Error, Message = "{Experiment}: published parameters were refused, the last good ones stay: {Reason}")]
    public static partial void SnapshotRefused(this ILogger log, string experiment, string reason);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Warning, Message = "{Experiment}: the parameter store is away, deciding goes on with what is in memory: {Reason}")]
    public static partial void SnapshotsAway(this ILogger log, string experiment, string reason);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Warning, Message = "Experiments cannot be read, deciding goes on with those in memory: {Reason}")]
    public static partial void ExperimentsAway(this ILogger log, string reason);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Warning, Message = "The item {Item} of {Experiment} in the catalogue log cannot be read and is left out: {Reason}")]
    public static partial void ItemSkipped(this ILogger log, string experiment, string item, string reason);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Information, Message = "{Experiment}: decides with {Policy}")]
    public static partial void Serving(this ILogger log, string experiment, string policy);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Information, Message = "Embedded: API, learner, event log and stores in this process, state in {Directory}")]
    public static partial void Embedded(this ILogger log, string directory);
}
