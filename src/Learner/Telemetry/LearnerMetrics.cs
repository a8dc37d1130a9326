using Prometheus;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Telemetry;

/// <summary>Every metric of the learner.</summary>
public sealed class LearnerMetrics
{
    private readonly Counter _rewards;
    private readonly Counter _deadLettered;
    private readonly Counter _consumed;
    private readonly Counter _examples;
    private readonly Histogram _update;
    private readonly Gauge _version;
    private readonly Gauge _published;

    /// <summary>Declares them.</summary>
    public LearnerMetrics(IMetricFactory metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        _rewards = metrics.CreateCounter("recsys_rewards_total", "Rewards by what became of them.", ["experiment", "result"]);
        _deadLettered = metrics.CreateCounter("recsys_events_dead_lettered_total", "Events set aside because they could not be used.", ["experiment"]);
        _consumed = metrics.CreateCounter("recsys_events_consumed_total", "Events read from the log.", ["experiment"]);
        _examples = metrics.CreateCounter("recsys_learner_examples_total", "Interactions learned.", ["experiment"]);
        _update = metrics.CreateHistogram(
            "recsys_learner_update_duration_seconds", "Time to learn one batch.", ["experiment"],
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.00001, 4, 10) });
        _version = metrics.CreateGauge("recsys_params_version", "Interactions that the published parameters have learned from.", ["experiment", "partition"]);
        _published = metrics.CreateGauge("recsys_params_published_timestamp_seconds", "When parameters were last published.", ["experiment", "partition"]);
    }

    /// <summary>The children of one experiment and partition, made once.</summary>
    public Children For(string experiment, int partition) => new(this, experiment, partition);

    /// <summary>Metrics of one partition.</summary>
    public sealed class Children
    {
        private readonly (Counter.Child Child, Func<JoinCounts, long> Count)[] _rewards;
        private JoinCounts _reported;

        internal Children(LearnerMetrics metrics, string experiment, int partition)
        {
            var p = partition.ToString(System.Globalization.CultureInfo.InvariantCulture);
            Consumed = metrics._consumed.WithLabels(experiment);
            DeadLettered = metrics._deadLettered.WithLabels(experiment);
            Examples = metrics._examples.WithLabels(experiment);
            Update = metrics._update.WithLabels(experiment);
            Version = metrics._version.WithLabels(experiment, p);
            Published = metrics._published.WithLabels(experiment, p);
            (Counter.Child, Func<JoinCounts, long>) Of(string result, Func<JoinCounts, long> count) => (metrics._rewards.WithLabels(experiment, result), count);
            _rewards =
            [
                Of("joined", static c => c.Joined),
                Of("default", static c => c.Defaulted),
                Of("duplicate", static c => c.Duplicate),
                Of("late", static c => c.Late),
                Of("orphan", static c => c.Orphan),
                Of("invalid", static c => c.Invalid),
                Of("unactivated", static c => c.Unactivated),
                Of("evicted", static c => c.Evicted),
            ];
        }

        /// <summary>Events read.</summary>
        public Counter.Child Consumed { get; }

        /// <summary>Events set aside.</summary>
        public Counter.Child DeadLettered { get; }

        /// <summary>Interactions learned.</summary>
        public Counter.Child Examples { get; }

        /// <summary>Time to learn one batch.</summary>
        public Histogram.Child Update { get; }

        /// <summary>Published version.</summary>
        public Gauge.Child Version { get; }

        /// <summary>Time of the last publication.</summary>
        public Gauge.Child Published { get; }

        /// <summary>Starts counting from here: what a checkpoint brought along was counted by whoever wrote it.</summary>
        public void Start(in JoinCounts counts) => _reported = counts;

        /// <summary>Adds what has happened since the last report.</summary>
        public void Report(in JoinCounts counts)
        {
            foreach (var (child, count) in _rewards)
            {
                var more = count(counts) - count(_reported);
                if (more > 0)
                    child.Inc(more);
            }
            _reported = counts;
        }
    }
}
