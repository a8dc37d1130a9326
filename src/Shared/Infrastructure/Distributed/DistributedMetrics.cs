using Prometheus;

namespace Recsys.Infrastructure.Distributed;

/// <summary>What Kafka and Redis clients count by themselves; everything else is counted by whoever gets the return value.</summary>
public static class DistributedMetrics
{
    /// <summary>Decisions that the answer promised to log and that never reached the log. A full queue is told to the caller, who counts it.</summary>
    public static Counter EventsDropped { get; } = Metrics.CreateCounter(
        "recsys_events_dropped_total", "Decisions that were queued and never became durable.", "reason");

    /// <summary>Events that the log had deleted before the learner read them.</summary>
    public static Counter EventsExpired { get; } = Metrics.CreateCounter(
        "recsys_log_events_expired_total", "Events that the log deleted before the learner read them.", "experiment");

    /// <summary>Catalogue records whose key names no experiment and item.</summary>
    public static Counter ItemsRefused { get; } = Metrics.CreateCounter(
        "recsys_item_records_refused_total", "Catalogue records whose key is not experiment/item.");
}
