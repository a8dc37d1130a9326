namespace Recsys.Learner.Telemetry;

/// <summary>Every log message of the learner.</summary>
internal static partial class LearnerLog
{
    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: going on after {Interactions} interactions at offset {Offset}, epoch {Epoch}")]
    public static partial void Resumed(this ILogger log, string experiment, int partition, long interactions, long offset, long epoch);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: nothing learned yet under this definition ({Reason}); reading the log from its beginning, epoch {Epoch}")]
    public static partial void ColdStart(this ILogger log, string experiment, int partition, string reason, long epoch);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: another writer has taken over; starting again from its checkpoint")]
    public static partial void Fenced(this ILogger log, string experiment, int partition);

    [LoggerMessage(EventId = 2004, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: event at offset {Offset} set aside: {Reason}")]
    public static partial void SetAside(this ILogger log, string experiment, int partition, long offset, string reason);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: a store is away, learning goes on within a bound: {Reason}")]
    public static partial void StoreAway(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Error, Message = "{Experiment}: learning stopped and will be started again in {Seconds} s")]
    public static partial void LoopFailed(this ILogger log, Exception problem, string experiment, double seconds);

    [LoggerMessage(EventId = 2007, Level = LogLevel.Information, Message = "{Experiment}: learning with {Policy}")]
    public static partial void LoopStarted(this ILogger log, string experiment, string policy);

    [LoggerMessage(EventId = 2008, Level = LogLevel.Information, Message = "{Experiment}: learning stopped")]
    public static partial void LoopStopped(this ILogger log, string experiment);

    [LoggerMessage(EventId = 2009, Level = LogLevel.Error, Message = "{Experiment}/{Partition}: the new parameters are not usable and were not published: {Reason}")]
    public static partial void Unpublishable(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Warning, Message = "Experiments cannot be read; those that are running go on: {Reason}")]
    public static partial void ExperimentsAway(this ILogger log, string reason);
}
