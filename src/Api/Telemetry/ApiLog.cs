namespace Recsys.Api.Telemetry;

/// <summary>Every log message of the Api.</summary>
internal static partial class ApiLog
{
    [LoggerMessage(100, LogLevel.Error, "Unhandled exception in {Method} {Path}")]
    public static partial void Unhandled(this ILogger log, Exception exception, string method, string path);

    [LoggerMessage(101, LogLevel.Error, "Policy of {Experiment} failed; that decision was uniform")]
    public static partial void PolicyFailed(this ILogger log, Exception exception, string experiment);

    [LoggerMessage(110, LogLevel.Information, "{Experiment}: serving {Policy} version {Version}")]
    public static partial void FirstParameters(this ILogger log, string experiment, string policy, long version);

    [LoggerMessage(111, LogLevel.Error, "{Experiment}: parameters of partition {Partition} ({Epoch}, {Interactions}) refused, the last good ones stay: {Reason}")]
    public static partial void ParametersRefused(this ILogger log, string experiment, int partition, long epoch, long interactions, string reason);

    [LoggerMessage(112, LogLevel.Warning, "{Experiment}: parameters cannot be refreshed, the last good ones stay: {Reason}")]
    public static partial void ParametersAway(this ILogger log, string experiment, string reason);

    [LoggerMessage(113, LogLevel.Information, "{Experiment}: parameters can be refreshed again")]
    public static partial void ParametersBack(this ILogger log, string experiment);

    [LoggerMessage(114, LogLevel.Error, "{Experiment}: refreshing parameters failed, the last good ones stay")]
    public static partial void RefreshFailed(this ILogger log, Exception exception, string experiment);

    [LoggerMessage(115, LogLevel.Information, "{Experiment}: parameters of partition {Partition} belong to another definition; waiting for the learner to follow: {Reason}")]
    public static partial void ParametersOutdated(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(120, LogLevel.Warning, "Experiments cannot be read, the known ones stay: {Reason}")]
    public static partial void ExperimentsAway(this ILogger log, string reason);

    [LoggerMessage(121, LogLevel.Information, "Experiment {Experiment}: {Change}")]
    public static partial void ExperimentChanged(this ILogger log, string experiment, string change);

    [LoggerMessage(122, LogLevel.Error, "Following the experiments failed; trying again")]
    public static partial void FollowExperimentsFailed(this ILogger log, Exception exception);

    [LoggerMessage(130, LogLevel.Warning, "Item {Item} of {Experiment} in the log is not valid and is left out: {Reason}")]
    public static partial void ItemRefused(this ILogger log, string experiment, string item, string reason);

    [LoggerMessage(131, LogLevel.Warning, "The catalogue cannot be followed, the known items stay: {Reason}")]
    public static partial void CatalogueAway(this ILogger log, string reason);

    [LoggerMessage(132, LogLevel.Error, "Building the graph of {Experiment} failed; the previous one stays")]
    public static partial void GraphFailed(this ILogger log, Exception exception, string experiment);

    [LoggerMessage(133, LogLevel.Information, "{Experiment}: graph version {Version} in service after {Milliseconds} ms: {Clusters} clusters, {Edges} edges, {Items} items")]
    public static partial void GraphServing(this ILogger log, string experiment, long version, long milliseconds, int clusters, long edges, int items);

    [LoggerMessage(134, LogLevel.Information,
        "{Experiment}: graph version {Version} accepted: {Clusters} clusters of which {Continued} continue earlier ones, {Edges} given edges, {Bytes} bytes stored")]
    public static partial void GraphAccepted(this ILogger log, string experiment, long version, int clusters, int continued, long edges, int bytes);

    [LoggerMessage(135, LogLevel.Error, "{Experiment}: the stored graph version {Version} is refused, the previous one stays; put the clusters again: {Reason}")]
    public static partial void GraphRefused(this ILogger log, string experiment, long version, string reason);

    [LoggerMessage(136, LogLevel.Warning, "{Experiment}: graph version {Version} cannot be fetched, the previous one stays: {Reason}")]
    public static partial void GraphAway(this ILogger log, string experiment, long version, string reason);

    [LoggerMessage(137, LogLevel.Information, "{Experiment}: {Graduated} newcomers are ranked from now on, {Retired} are proposed no more")]
    public static partial void NewcomersLeft(this ILogger log, string experiment, int graduated, int retired);

    [LoggerMessage(138, LogLevel.Error, "Looking at the newcomers of {Experiment} failed; they stay")]
    public static partial void NewcomersFailed(this ILogger log, Exception exception, string experiment);

    [LoggerMessage(140, LogLevel.Information, "Warmed up with {Decisions} decisions in {Milliseconds} ms")]
    public static partial void WarmedUp(this ILogger log, int decisions, long milliseconds);

    [LoggerMessage(150, LogLevel.Information, "{Line}")]
    public static partial void Banner(this ILogger log, string line);
}
