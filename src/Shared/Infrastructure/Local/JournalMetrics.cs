using Prometheus;

namespace Recsys.Infrastructure.Local;

/// <summary>What the event log of the embedded mode counts.</summary>
/// <param name="metrics">Of the host, so that its endpoint shows them.</param>
public sealed class JournalMetrics(IMetricFactory metrics)
{
    internal Counter Bytes { get; } = metrics.CreateCounter("recsys_journal_written_bytes_total", "Bytes made durable in the local event log.");

    internal Histogram CommitSeconds { get; } = metrics.CreateHistogram(
        "recsys_journal_commit_seconds",
        "Time to write one group of records and make it durable.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0001, 2, 16) });

    internal Counter Refused { get; } = metrics.CreateCounter(
        "recsys_journal_refused_records_total", "Decisions not logged because the queue to the disk was full.");

    internal Counter Failed { get; } = metrics.CreateCounter(
        "recsys_journal_failed_records_total", "Records lost or sent back because the disk refused them.");

    internal Counter TornBytes { get; } = metrics.CreateCounter(
        "recsys_journal_torn_bytes_total", "Bytes of unacknowledged records cut off when a log was opened.");
}
