using System.Globalization;
using Prometheus;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;

namespace Recsys.Learner.Telemetry;

/// <summary>Every metric of the learner.</summary>
public sealed class LearnerMetrics
{
    private readonly Counter _rewards;
    private readonly Counter _deadLettered;
    private readonly Counter _consumed;
    private readonly Counter _ignored;
    private readonly Counter _examples;
    private readonly Histogram _update;
    private readonly Histogram _delay;
    private readonly Histogram _policyLatency;
    private readonly Gauge _version;
    private readonly Gauge _published;
    private readonly Counter _refused;
    private readonly Counter _heldBack;
    private readonly Counter _bytes;
    private readonly Gauge _lag;
    private readonly Gauge _inFlight;
    private readonly Gauge _edges;
    private readonly Gauge _perEdge;
    private readonly Gauge _refusedUpdates;
    private readonly Gauge _loss;
    private readonly Counter _drift;
    private readonly Counter _refusedInputs;
    private readonly Counter _networkRestarts;
    private readonly Counter _storeFailures;
    private readonly Counter _restarts;
    private readonly Gauge _device;
    private readonly Counter _degraded;

    /// <summary>Declares them.</summary>
    public LearnerMetrics(IMetricFactory metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        _rewards = metrics.CreateCounter("recsys_rewards_total", "Rewards by what became of them.", ["experiment", "result"]);
        _deadLettered = metrics.CreateCounter("recsys_events_dead_lettered_total", "Events set aside because they could not be used.", ["topic", "reason"]);
        _consumed = metrics.CreateCounter("recsys_events_consumed_total", "Events read from the log, those read again after a restart not counted.", ["topic"]);
        _ignored = metrics.CreateCounter(
            "recsys_events_ignored_total", "Decisions of an earlier experiment of the same name, found in the log and not learned.", ["topic"]);
        _examples = metrics.CreateCounter("recsys_learner_examples_total", "Interactions learned.", ["experiment"]);
        _update = metrics.CreateHistogram(
            "recsys_learner_update_duration_seconds", "Time to learn one batch.", ["experiment"],
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.00001, 4, 10) });
        _policyLatency = metrics.CreateHistogram(
            "recsys_policy_latency_seconds",
            "From an outcome in the log to the publication of parameters that have learned from it, by the oldest outcome of each publication.", ["experiment"],
            new HistogramConfiguration { Buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600] });
        _delay = metrics.CreateHistogram(
            "recsys_reward_delay_seconds", "Event time between a decision and a reward that joined it.", ["experiment"],
            new HistogramConfiguration { Buckets = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 604_800] });
        _version = metrics.CreateGauge("recsys_params_version", "Interactions that the published parameters have learned from.", ["experiment", "partition"]);
        _published = metrics.CreateGauge("recsys_params_published_timestamp_seconds", "When parameters were last published.", ["experiment", "partition"]);
        _refused = metrics.CreateCounter("recsys_params_withheld_total", "Publications that the publisher's own check refused.", ["experiment"]);
        _heldBack = metrics.CreateCounter(
            "recsys_params_held_back_total", "Publications held back because they foresaw the newest rewards worse than what is served, beyond noise.", ["experiment"]);
        _bytes = metrics.CreateCounter("recsys_params_published_bytes_total", "Bytes of published parameters: whole ones, and deltas over them.", ["experiment", "form"]);
        _lag = metrics.CreateGauge("recsys_consumer_lag_seconds", "Age of the newest record read while there are more; 0 at the end of the log.", ["experiment", "partition"]);
        _inFlight = metrics.CreateGauge("recsys_impressions_in_flight", "Positions shown whose reward is still awaited.", ["experiment", "partition"]);
        _edges = metrics.CreateGauge("recsys_learner_edges", "Edges of cluster and item with statistics.", ["experiment", "partition"]);
        _loss = metrics.CreateGauge(
            "recsys_learner_prequential_loss", "Running average of the losses of expectations, before learning from the reward.", ["experiment", "partition"]);
        _drift = metrics.CreateCounter("recsys_drift_detected_total", "Times that losses have jumped.", ["experiment", "detector"]);
        _refusedInputs = metrics.CreateCounter(
            "recsys_learner_refused_inputs_total", "Hashed inputs that networks did not see because there was no room for their weights.", ["experiment"]);
        _networkRestarts = metrics.CreateCounter(
            "recsys_learner_network_restarts_total", "Networks that began anew because their weights had left all bounds.", ["experiment"]);
        _perEdge = metrics.CreateGauge(
            "recsys_impressions_per_edge_in_flight",
            "H: impressions per edge that are decided before their reward can be known. Above 0.3 an argmax wastes them; Thompson sampling bears 3.", ["experiment", "partition"]);
        _refusedUpdates = metrics.CreateGauge(
            "recsys_learner_refused_updates", "Edge updates refused so far because the table was full or a weight out of range.", ["experiment", "partition"]);
        _storeFailures = metrics.CreateCounter("recsys_learner_store_failures_total", "Publications and checkpoints that found no store.", ["experiment"]);
        _restarts = metrics.CreateCounter("recsys_learner_restarts_total", "Training loops that failed and were started again.", ["experiment"]);
        _device = metrics.CreateGauge("recsys_device_info", "Always 1; where the learner computes.", ["kind", "name"]);
        _degraded = metrics.CreateCounter("recsys_learner_device_fallbacks_total", "Tables that were moved from the device to the CPU.");
    }

    /// <summary>Where the learner computes.</summary>
    public void Computing(string kind, string name) => _device.WithLabels(kind, name).Set(1);

    /// <summary>A table was moved to the CPU.</summary>
    public void DeviceDegraded() => _degraded.Inc();

    /// <summary>The children of one experiment and partition, made once; counters exist at 0 from then on.</summary>
    public Children For(string experiment, int partition)
    {
        _restarts.WithLabels(experiment);
        return new Children(this, experiment, partition);
    }

    /// <summary>Stops exporting what concerns an experiment that is gone.</summary>
    public void Forget(string experiment)
    {
        var topic = EventTopics.Events(experiment);
        foreach (var counter in (Counter[])[_rewards, _deadLettered, _consumed, _ignored, _examples, _refused, _heldBack, _bytes, _drift, _refusedInputs, _networkRestarts, _storeFailures, _restarts])
        {
            foreach (var values in counter.GetAllLabelValues().Where(v => v[0] == experiment || v[0] == topic).ToList())
                counter.RemoveLabelled(values);
        }
        _update.RemoveLabelled(experiment);
        _delay.RemoveLabelled(experiment);
        _policyLatency.RemoveLabelled(experiment);
    }

    /// <summary>A training loop failed and starts again.</summary>
    public void Restarted(string experiment) => _restarts.WithLabels(experiment).Inc();

    /// <summary>Metrics of one partition.</summary>
    public sealed class Children
    {
        private readonly (Counter.Child Child, Func<JoinCounts, long> Count)[] _rewards;
        private readonly Gauge.Child _inFlight;

        // Made when there is something to say: a policy without edges has none of them, rather than zeros.
        private readonly Lazy<(Gauge.Child Edges, Gauge.Child PerEdge, Gauge.Child Refused)> _table;
        private readonly Lazy<(Gauge.Child Loss, Counter.Child Drift)> _foresight;
        private readonly Lazy<(Counter.Child RefusedInputs, Counter.Child Restarts)> _networks;
        private JoinCounts _reported;
        private long _reportedAlarms;
        private (long RefusedInputs, long Restarts) _reportedNetworks;

        internal Children(LearnerMetrics metrics, string experiment, int partition)
        {
            var p = partition.ToString(CultureInfo.InvariantCulture);
            var topic = EventTopics.Events(experiment);
            Consumed = metrics._consumed.WithLabels(topic);
            Older = metrics._ignored.WithLabels(topic);
            UndecodableLetters = metrics._deadLettered.WithLabels(topic, "undecodable");
            InvalidLetters = metrics._deadLettered.WithLabels(topic, "invalid");
            Examples = metrics._examples.WithLabels(experiment);
            Update = metrics._update.WithLabels(experiment);
            Delay = metrics._delay.WithLabels(experiment);
            PolicyLatency = metrics._policyLatency.WithLabels(experiment);
            Version = metrics._version.WithLabels(experiment, p);
            Published = metrics._published.WithLabels(experiment, p);
            Refused = metrics._refused.WithLabels(experiment);
            HeldBack = metrics._heldBack.WithLabels(experiment);
            WholeBytes = metrics._bytes.WithLabels(experiment, "whole");
            DeltaBytes = metrics._bytes.WithLabels(experiment, "delta");
            Lag = metrics._lag.WithLabels(experiment, p);
            _inFlight = metrics._inFlight.WithLabels(experiment, p);
            _table = new(() => (metrics._edges.WithLabels(experiment, p), metrics._perEdge.WithLabels(experiment, p), metrics._refusedUpdates.WithLabels(experiment, p)));
            _foresight = new(() => (metrics._loss.WithLabels(experiment, p), metrics._drift.WithLabels(experiment, "prequential")));
            _networks = new(() => (metrics._refusedInputs.WithLabels(experiment), metrics._networkRestarts.WithLabels(experiment)));
            StoreFailures = metrics._storeFailures.WithLabels(experiment);
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

        /// <summary>Decisions of an earlier experiment.</summary>
        public Counter.Child Older { get; }

        /// <summary>Events set aside because their bytes mean nothing.</summary>
        public Counter.Child UndecodableLetters { get; }

        /// <summary>Events set aside because what they mean cannot be used.</summary>
        public Counter.Child InvalidLetters { get; }

        /// <summary>Interactions learned.</summary>
        public Counter.Child Examples { get; }

        /// <summary>Time to learn one batch.</summary>
        public Histogram.Child Update { get; }

        /// <summary>Event time between decision and reward.</summary>
        public Histogram.Child Delay { get; }

        /// <summary>From outcome to publication.</summary>
        public Histogram.Child PolicyLatency { get; }

        /// <summary>Published version.</summary>
        public Gauge.Child Version { get; }

        /// <summary>Time of the last publication.</summary>
        public Gauge.Child Published { get; }

        /// <summary>Publications refused.</summary>
        public Counter.Child Refused { get; }

        /// <summary>Publications held back.</summary>
        public Counter.Child HeldBack { get; }

        /// <summary>Bytes of whole parameters published.</summary>
        public Counter.Child WholeBytes { get; }

        /// <summary>Bytes of deltas published.</summary>
        public Counter.Child DeltaBytes { get; }

        /// <summary>How far reading is behind.</summary>
        public Gauge.Child Lag { get; }

        /// <summary>Failed attempts to reach a store.</summary>
        public Counter.Child StoreFailures { get; }

        /// <summary>Starts counting from here: what a checkpoint brought along was counted by whoever wrote it.</summary>
        public void Start(in JoinCounts counts, long driftAlarms, (long RefusedInputs, long Restarts) networks) =>
            (_reported, _reportedAlarms, _reportedNetworks) = (counts, driftAlarms, networks);

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
            _inFlight.Set(counts.InFlight);
        }

        /// <summary>Exports the table of a policy that has statistics per edge.</summary>
        public void Report(in JoinCounts counts, int edges, long refusedUpdates)
        {
            _table.Value.Edges.Set(edges);
            _table.Value.PerEdge.Set((double)counts.InFlight / Math.Max(1, edges));
            _table.Value.Refused.Set(refusedUpdates);
        }

        /// <summary>Exports how well a trainer foresees rewards.</summary>
        public void Report(double loss, long driftAlarms)
        {
            _foresight.Value.Loss.Set(loss);
            _foresight.Value.Drift.Inc(Math.Max(0, driftAlarms - _reportedAlarms));
            _reportedAlarms = driftAlarms;
        }

        /// <summary>Adds what networks had no room for and how often they began anew.</summary>
        public void Report((long RefusedInputs, long Restarts) networks)
        {
            _networks.Value.RefusedInputs.Inc(Math.Max(0, networks.RefusedInputs - _reportedNetworks.RefusedInputs));
            _networks.Value.Restarts.Inc(Math.Max(0, networks.Restarts - _reportedNetworks.Restarts));
            _reportedNetworks = networks;
        }

        /// <summary>Takes the gauges away: the partition is somebody else's to report.</summary>
        public void Stop()
        {
            foreach (var gauge in (Gauge.Child[])[Version, Published, Lag, _inFlight])
                gauge.Remove();
            if (_foresight.IsValueCreated)
                _foresight.Value.Loss.Remove();
            if (!_table.IsValueCreated)
                return;
            var (edges, perEdge, refused) = _table.Value;
            foreach (var gauge in (Gauge.Child[])[edges, perEdge, refused])
                gauge.Remove();
        }
    }
}
