using Prometheus;

namespace Recsys.Infrastructure.Distributed;

/// <summary>What the Kafka clients count by themselves; everything else is counted by whoever gets the return value.</summary>
/// <param name="metrics">Of the host, so that its endpoint shows them.</param>
public sealed class DistributedMetrics(IMetricFactory metrics)
{
    /// <summary>Decisions that were queued and never reached the log. A full queue is told to the caller at once, who counts it under another name.</summary>
    public Counter Undelivered { get; } = metrics.CreateCounter(
        "recsys_events_undelivered_total", "Decisions that were queued for the log and never became durable.", ["reason"]);

    /// <summary>Events that the log had deleted before the learner read them.</summary>
    public Counter Expired { get; } = metrics.CreateCounter(
        "recsys_log_events_expired_total", "Events that the log deleted before the learner read them.", ["experiment"]);

    /// <summary>Catalogue records whose key names no experiment and item.</summary>
    public Counter ItemsRefused { get; } = metrics.CreateCounter(
        "recsys_item_records_refused_total", "Catalogue records whose key is not experiment/item.");
}
