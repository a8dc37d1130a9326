using System.Diagnostics;
using System.Globalization;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Training;

namespace Recsys.Learner.Replay;

/// <summary>Feeds a recorded log through the very state that the learner keeps for a partition.</summary>
public static class LogReplay
{
    /// <summary>Interactions learned at once; the result does not depend on it.</summary>
    private const int BatchMax = 256;

    /// <summary>Replays.</summary>
    /// <param name="experiment">What to learn; in mode <c>logging</c> nothing is learned, as in the service.</param>
    /// <param name="records">The log in order.</param>
    /// <param name="progress">Receives the number of records read, or null.</param>
    /// <param name="cancellation">Gives up.</param>
    public static ReplayResult Run(Experiment experiment, IEnumerable<LogRecord> records, IProgress<long>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(records);
        var started = Stopwatch.GetTimestamp();
        var state = new PartitionState(experiment);
        var learns = experiment.Definition.Mode != ExperimentMode.Logging;
        long events = 0, older = 0, undecodable = 0;
        foreach (var record in records)
        {
            var fate = state.Take(record, learns).Fate;
            events++;
            older += fate == RecordFate.Older ? 1 : 0;
            undecodable += fate == RecordFate.Undecodable ? 1 : 0;
            if (state.Waiting >= BatchMax)
                state.Learn();
            if (events % BatchMax != 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(events);
        }
        var digest = state.Digest().ToString("x16", CultureInfo.InvariantCulture);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var counts = state.Counts;
        return new ReplayResult(
            experiment.Definition.Policy.Kind, digest, events, state.Interactions, counts.Decisions, counts.RepeatedDecisions, counts.Activations,
            counts.Joined, counts.Defaulted, counts.Duplicate, counts.Late, counts.Orphan, counts.Invalid, counts.Unactivated, counts.Clamped,
            counts.Evicted, older, undecodable, seconds, seconds > 0 ? events / seconds : 0);
    }
}
