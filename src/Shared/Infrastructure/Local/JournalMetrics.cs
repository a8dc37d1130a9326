using Prometheus;

namespace Recsys.Infrastructure.Local;

/// <summary>What the event log of the embedded mode counts.</summary>
internal static class JournalMetrics
{
    public static Counter Bytes { get; } = Metrics.CreateCounter("recsys_journal_written_bytes_total", "Bytes made durable in the local event log.");

    public static Histogram CommitSeconds { get; } = Metrics.CreateHistogram(
        "recsys_journal_commit_seconds",
        "Time to write one group of records and make it durable.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0001, 2, 16) });

    public static Counter Refused { get; } = Metrics.CreateCounter(
        "recsys_journal_refused_records_total", "Decisions not logged because the queue to the disk was full.");

    public static Counter Failed { get; } = Metrics.CreateCounter(
        "recsys_journal_failed_records_total", "Records lost or sent back because the disk refused them.");

    public static Counter TornBytes { get; } = Metrics.CreateCounter(
        "recsys_journal_torn_bytes_total", "Bytes of unacknowledged records cut off when a log was opened.");
}
