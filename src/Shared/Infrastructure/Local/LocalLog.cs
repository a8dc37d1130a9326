using Microsoft.Extensions.Logging;

namespace Recsys.Infrastructure.Local;

/// <summary>Every log message of the embedded adapters.</summary>
internal static partial class LocalLog
{
    [LoggerMessage(3101, LogLevel.Warning, "Cut {Bytes} bytes off '{Segment}': a write was interrupted before it was acknowledged; the log goes on at record {Next}")]
    public static partial void TornTailCut(ILogger log, string segment, long bytes, long next);

    [LoggerMessage(3102, LogLevel.Error, "The event log in '{Directory}' refused {Records} records; rewards were sent back, decisions are lost to learning")]
    public static partial void CommitFailed(ILogger log, Exception problem, string directory, int records);

    [LoggerMessage(3103, LogLevel.Information, "Removed {Segments} old segments of '{Directory}'; its first record is now {First}")]
    public static partial void SegmentsRemoved(ILogger log, string directory, int segments, long first);

    [LoggerMessage(3104, LogLevel.Error, "{Experiment}: asked for record {Asked}, but the log holds {First} to {Next}; going on at {Actual}")]
    public static partial void OffsetOutOfRange(ILogger log, string experiment, long asked, long first, long next, long actual);

    [LoggerMessage(3105, LogLevel.Information, "Rewrote '{Directory}': {Kept} of {All} item records are current")]
    public static partial void Compacted(ILogger log, string directory, long kept, long all);

    [LoggerMessage(3106, LogLevel.Error, "The stored experiment '{Path}' cannot be read and is left out: {Reason}")]
    public static partial void ExperimentSkipped(ILogger log, string path, string reason);

    [LoggerMessage(3107, LogLevel.Error, "The stored parameters '{Path}' cannot be read and are left out; the learner will publish again: {Reason}")]
    public static partial void SnapshotSkipped(ILogger log, string path, string reason);

    [LoggerMessage(3108, LogLevel.Warning, "Published parameters of {Experiment} are not kept for a restart: {Reason}")]
    public static partial void SnapshotNotKept(ILogger log, string experiment, string reason);

    [LoggerMessage(3109, LogLevel.Error, "The checkpoint '{Path}' is damaged: {Reason}. Learning resumes from the one before it, or from the start of the log")]
    public static partial void CheckpointDamaged(ILogger log, string path, string reason);

    [LoggerMessage(3110, LogLevel.Error, "The deletion of experiment '{Experiment}' is not complete and is taken up again at the next start")]
    public static partial void DeletionUnfinished(ILogger log, Exception problem, string experiment);

    [LoggerMessage(3111, LogLevel.Warning, "Cut {Bytes} bytes off '{Path}': a write was interrupted; parameters as of before are served until the learner publishes")]
    public static partial void DeltasCut(ILogger log, string path, long bytes);
}
