namespace Recsys.Learner.Telemetry;

/// <summary>Every log message of the learner.</summary>
internal static partial class LearnerLog
{
    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: going on after {Interactions} interactions at offset {Offset}, joins rebuilt from {ResumeOffset}, state {Digest:x16}, epoch {Epoch}")]
    public static partial void Resumed(this ILogger log, string experiment, int partition, long interactions, long offset, long resumeOffset, ulong digest, long epoch);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: nothing learned yet under this definition ({Reason}); learning again from the beginning of the retained log, epoch {Epoch}")]
    public static partial void ColdStart(this ILogger log, string experiment, int partition, string reason, long epoch);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: another writer has taken over from epoch {Epoch}; going back to its checkpoint")]
    public static partial void Fenced(this ILogger log, string experiment, int partition, long epoch);

    [LoggerMessage(EventId = 2004, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: event at offset {Offset} set aside ({Quiet} more since the last message): {Reason}")]
    public static partial void SetAside(this ILogger log, string experiment, int partition, long offset, string reason, long quiet);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: a store is away, learning goes on within a bound: {Reason}")]
    public static partial void StoreAway(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Error, Message = "{Experiment}: learning failed and starts again in {Seconds} s")]
    public static partial void LoopFailed(this ILogger log, Exception problem, string experiment, double seconds);

    [LoggerMessage(EventId = 2007, Level = LogLevel.Information, Message = "{Experiment}: learning with {Policy}, generation {Generation:x16}")]
    public static partial void LoopStarted(this ILogger log, string experiment, string policy, ulong generation);

    [LoggerMessage(EventId = 2008, Level = LogLevel.Information, Message = "{Experiment}: learning stopped")]
    public static partial void LoopStopped(this ILogger log, string experiment);

    [LoggerMessage(EventId = 2009, Level = LogLevel.Error, Message = "{Experiment}/{Partition}: the new parameters are not usable and were not published, the last good ones stand: {Reason}")]
    public static partial void Unpublishable(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Warning, Message = "Experiments cannot be read; those that are running go on: {Reason}")]
    public static partial void ExperimentsAway(this ILogger log, string reason);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: no checkpoint; learning from the beginning of the log, epoch {Epoch}")]
    public static partial void FirstStart(this ILogger log, string experiment, int partition, long epoch);

    [LoggerMessage(EventId = 2012, Level = LogLevel.Error, Message = "{Experiment}/{Partition}: the checkpoint is unusable ({Reason}); learning again from the beginning of the retained log, epoch {Epoch}")]
    public static partial void Corrupt(this ILogger log, string experiment, int partition, string reason, long epoch);

    [LoggerMessage(EventId = 2013, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: the store is back")]
    public static partial void StoreBack(this ILogger log, string experiment, int partition);

    [LoggerMessage(EventId = 2014, Level = LogLevel.Warning, Message = "{Experiment}: the event log cannot be reached: {Reason}")]
    public static partial void LogAway(this ILogger log, string experiment, string reason);

    [LoggerMessage(EventId = 2015, Level = LogLevel.Error, Message = "{Experiment}/{Partition}: the log ends at offset {Offset}, before the checkpoint's {Checkpoint}: retention has cut it, or it was replaced. Going on with what was learned; decisions that waited for a reward there are lost")]
    public static partial void LogEndsEarly(this ILogger log, string experiment, int partition, long offset, long checkpoint);

    [LoggerMessage(EventId = 2016, Level = LogLevel.Error, Message = "{Experiment}: learning failed while stopping; a restart goes on from the last checkpoint")]
    public static partial void StopFailed(this ILogger log, Exception problem, string experiment);

    [LoggerMessage(EventId = 2017, Level = LogLevel.Information, Message = "Learning on {Kind} ({Device}): {Reason}")]
    public static partial void Computing(this ILogger log, string kind, string device, string reason);

    [LoggerMessage(EventId = 2018, Level = LogLevel.Warning, Message = "Learning of a partition goes on on the CPU with the same result: {Reason}")]
    public static partial void DeviceDegraded(this ILogger log, string reason);

    [LoggerMessage(EventId = 2019, Level = LogLevel.Warning, Message = "{Experiment}/{Partition}: the new parameters foresee rewards worse than the last ones, which still stand: {Reason}")]
    public static partial void HeldBack(this ILogger log, string experiment, int partition, string reason);

    [LoggerMessage(EventId = 2020, Level = LogLevel.Information, Message = "{Experiment}/{Partition}: published again after {Count} that were held back")]
    public static partial void NoLongerHeldBack(this ILogger log, string experiment, int partition, int count);
}
