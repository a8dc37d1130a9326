using Prometheus;

namespace Recsys.Api.Telemetry;

/// <summary>Every metric of the Api. Labels are bounded: experiments and policy kinds, never users, decisions or actions.</summary>
public sealed class ApiMetrics
{
    private readonly Counter _decisions;
    private readonly Histogram _duration;
    private readonly Histogram _candidates;
    private readonly Counter _dropped;
    private readonly Counter _feedback;
    private readonly Gauge _applied;
    private readonly Gauge _appliedVersion;
    private readonly Gauge _parameterAge;
    private readonly Counter _refused;
    private readonly Counter _deltas;
    private readonly Counter _gaps;
    private readonly Gauge _items;
    private readonly Counter _itemsRefused;
    private readonly Histogram _freshness;
    private readonly Histogram _corpusLatency;
    private readonly Gauge _graphVersion;
    private readonly Gauge _graphEdges;
    private readonly Histogram _graphBuild;
    private readonly Counter _graphRefused;
    private readonly Counter _takedowns;
    private readonly Counter _newcomers;

    /// <summary>Declares them.</summary>
    public ApiMetrics(IMetricFactory metrics)
    {
        _decisions = metrics.CreateCounter("recsys_decisions_total", "Decisions by policy and outcome.", ["experiment", "policy", "outcome"]);
        _duration = metrics.CreateHistogram(
            "recsys_decision_duration_seconds", "From the parsed request to the written answer.", ["experiment"],
            new HistogramConfiguration { Buckets = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25] });
        _candidates = metrics.CreateHistogram(
            "recsys_decision_candidates", "Actions that a decision chose from.", ["experiment"],
            new HistogramConfiguration { Buckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] });
        _dropped = metrics.CreateCounter("recsys_events_dropped_total", "Decisions that were answered and not logged, because the queue to the log was full.", ["experiment"]);
        _feedback = metrics.CreateCounter("recsys_feedback_total", "Rewards and activations taken or not.", ["experiment", "type", "outcome"]);
        _applied = metrics.CreateGauge("recsys_params_applied_timestamp_seconds", "When this process last put new parameters into service.", ["experiment"]);
        _appliedVersion = metrics.CreateGauge("recsys_params_applied_version", "Interactions that the serving parameters have learned from.", ["experiment"]);
        _parameterAge = metrics.CreateGauge("recsys_params_age_seconds", "Age of what the serving parameters reflect, when last looked at.", ["experiment"]);
        _refused = metrics.CreateCounter("recsys_params_refused_total", "Published parameters that were not put into service.", ["experiment", "reason"]);
        _deltas = metrics.CreateCounter("recsys_params_deltas_applied_total", "Deltas that are part of what serves, or were.", ["experiment"]);
        _gaps = metrics.CreateCounter(
            "recsys_params_gaps_total", "Times that no usable deltas led on from what serves, and whole parameters had to be fetched.", ["experiment"]);
        _items = metrics.CreateGauge("recsys_catalogue_items", "Items of the catalogue.", ["experiment"]);
        _itemsRefused = metrics.CreateCounter("recsys_catalogue_items_refused_total", "Item changes of the log that could not be understood.");
        _freshness = metrics.CreateHistogram(
            "recsys_freshness_seconds", "How old the state of the log that parameters reflect is when they are put into service.", ["experiment"],
            new HistogramConfiguration { Buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600] });
        _corpusLatency = metrics.CreateHistogram(
            "recsys_corpus_latency_seconds", "From an item's availability, when it was accepted or its availableFrom, to the first graph in service that proposes it.",
            ["experiment"], new HistogramConfiguration { Buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800] });
        _graphVersion = metrics.CreateGauge("recsys_graph_version", "Version of the plan of the graph in service.", ["experiment"]);
        _graphEdges = metrics.CreateGauge("recsys_graph_edges", "Edges of the graph in service.", ["experiment"]);
        _graphBuild = metrics.CreateHistogram(
            "recsys_graph_build_duration_seconds", "How long a graph took to build: full, or from the one in service and changed items.", ["experiment", "kind"],
            new HistogramConfiguration { Buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] });
        _graphRefused = metrics.CreateCounter("recsys_graph_refused_total", "Stored graph plans that were not put into service.", ["experiment", "reason"]);
        _takedowns = metrics.CreateCounter("recsys_catalogue_takedowns_total", "Items that were taken out of a serving graph at once.", ["experiment"]);
        _newcomers = metrics.CreateCounter("recsys_catalogue_newcomers_left_total", "Newcomers that graduated or retired.", ["experiment", "verdict"]);
        metrics.CreateGauge("recsys_build_info", "Always 1.", ["version", "process"])
            .WithLabels(typeof(ApiMetrics).Assembly.GetName().Version!.ToString(3), "api").Set(1);
        Authentication = metrics.CreateCounter("recsys_requests_refused_total", "Requests without a sufficient key.", ["reason"]);
    }

    /// <summary>Requests without a sufficient key.</summary>
    public Counter Authentication { get; }

    /// <summary>Item changes of the log that could not be understood.</summary>
    public Counter ItemsRefused => _itemsRefused;

    /// <summary>The children of one experiment, made once, so that a decision looks nothing up.</summary>
    public ForExperiment For(string experiment, string policy) => new(this, experiment, policy);

    /// <summary>Stops exporting what concerns an experiment that is gone.</summary>
    public void Forget(string experiment)
    {
        Collector[] families =
        [
            _decisions, _duration, _candidates, _dropped, _feedback, _applied, _appliedVersion, _parameterAge, _refused, _deltas, _gaps, _items,
            _freshness, _corpusLatency, _graphVersion, _graphEdges, _graphBuild, _graphRefused, _takedowns, _newcomers,
        ];
        foreach (var family in families)
        {
            var labels = family switch
            {
                Counter c => c.GetAllLabelValues(),
                Gauge g => g.GetAllLabelValues(),
                Histogram h => h.GetAllLabelValues(),
                _ => [],
            };
            foreach (var values in labels.Where(v => v[0] == experiment).ToList())
            {
                switch (family)
                {
                    case Counter c: c.RemoveLabelled(values); break;
                    case Gauge g: g.RemoveLabelled(values); break;
                    case Histogram h: h.RemoveLabelled(values); break;
                    default: break;
                }
            }
        }
    }

    /// <summary>Metrics of one experiment.</summary>
    public sealed class ForExperiment
    {
        internal ForExperiment(ApiMetrics all, string experiment, string policy)
        {
            Decided = all._decisions.WithLabels(experiment, policy, "ok");
            Uniform = all._decisions.WithLabels(experiment, "uniform", "ok");
            Fallback = all._decisions.WithLabels(experiment, "uniform", "fallback");
            Rejected = all._decisions.WithLabels(experiment, "none", "rejected");
            Duration = all._duration.WithLabels(experiment);
            Candidates = all._candidates.WithLabels(experiment);
            Dropped = all._dropped.WithLabels(experiment);
            Rewards = all._feedback.WithLabels(experiment, "reward", "accepted");
            RewardsRejected = all._feedback.WithLabels(experiment, "reward", "rejected");
            RewardsFailed = all._feedback.WithLabels(experiment, "reward", "unavailable");
            Activations = all._feedback.WithLabels(experiment, "activation", "accepted");
            Applied = all._applied.WithLabels(experiment);
            AppliedVersion = all._appliedVersion.WithLabels(experiment);
            ParameterAge = all._parameterAge.WithLabels(experiment);
            Corrupt = all._refused.WithLabels(experiment, "corrupt");
            OtherDefinition = all._refused.WithLabels(experiment, "definition");
            Deltas = all._deltas.WithLabels(experiment);
            Gaps = all._gaps.WithLabels(experiment);
            Items = all._items.WithLabels(experiment);
            Freshness = all._freshness.WithLabels(experiment);
            CorpusLatency = all._corpusLatency.WithLabels(experiment);
            GraphVersion = all._graphVersion.WithLabels(experiment);
            GraphEdges = all._graphEdges.WithLabels(experiment);
            GraphBuild = all._graphBuild.WithLabels(experiment, "full");
            GraphUpdate = all._graphBuild.WithLabels(experiment, "update");
            GraphDamaged = all._graphRefused.WithLabels(experiment, "corrupt");
            GraphUnfit = all._graphRefused.WithLabels(experiment, "definition");
            Takedowns = all._takedowns.WithLabels(experiment);
            Graduated = all._newcomers.WithLabels(experiment, "graduated");
            Retired = all._newcomers.WithLabels(experiment, "retired");
        }

        /// <summary>Decisions of the experiment's policy.</summary>
        public Counter.Child Decided { get; }

        /// <summary>Uniform decisions because the mode asks for them.</summary>
        public Counter.Child Uniform { get; }

        /// <summary>Uniform decisions for want of parameters.</summary>
        public Counter.Child Fallback { get; }

        /// <summary>Decision requests answered with a problem.</summary>
        public Counter.Child Rejected { get; }

        /// <summary>From the parsed request to the written answer.</summary>
        public Histogram.Child Duration { get; }

        /// <summary>Actions to choose from.</summary>
        public Histogram.Child Candidates { get; }

        /// <summary>Decisions not logged.</summary>
        public Counter.Child Dropped { get; }

        /// <summary>Rewards that are durable.</summary>
        public Counter.Child Rewards { get; }

        /// <summary>Rewards that were invalid.</summary>
        public Counter.Child RewardsRejected { get; }

        /// <summary>Rewards that the log did not take.</summary>
        public Counter.Child RewardsFailed { get; }

        /// <summary>Activations that are durable.</summary>
        public Counter.Child Activations { get; }

        /// <summary>When parameters were last swapped in.</summary>
        public Gauge.Child Applied { get; }

        /// <summary>Version of the serving parameters.</summary>
        public Gauge.Child AppliedVersion { get; }

        /// <summary>Age of the serving parameters.</summary>
        public Gauge.Child ParameterAge { get; }

        /// <summary>Parameters refused because their bytes are wrong.</summary>
        public Counter.Child Corrupt { get; }

        /// <summary>How old what new parameters reflect is when they are put into service.</summary>
        public Histogram.Child Freshness { get; }

        /// <summary>Parameters refused because they were learned under another definition.</summary>
        public Counter.Child OtherDefinition { get; }

        /// <summary>Deltas applied.</summary>
        public Counter.Child Deltas { get; }

        /// <summary>Times that deltas did not do.</summary>
        public Counter.Child Gaps { get; }

        /// <summary>Items of the catalogue.</summary>
        public Gauge.Child Items { get; }

        /// <summary>From an item's availability to its first graph.</summary>
        public Histogram.Child CorpusLatency { get; }

        /// <summary>Version of the plan in service.</summary>
        public Gauge.Child GraphVersion { get; }

        /// <summary>Edges of the graph in service.</summary>
        public Gauge.Child GraphEdges { get; }

        /// <summary>Builds from nothing.</summary>
        public Histogram.Child GraphBuild { get; }

        /// <summary>Builds from the graph in service.</summary>
        public Histogram.Child GraphUpdate { get; }

        /// <summary>Plans refused because their bytes are wrong.</summary>
        public Counter.Child GraphDamaged { get; }

        /// <summary>Plans refused because they do not fit the definition.</summary>
        public Counter.Child GraphUnfit { get; }

        /// <summary>Items taken down at once.</summary>
        public Counter.Child Takedowns { get; }

        /// <summary>Newcomers that are ranked now.</summary>
        public Counter.Child Graduated { get; }

        /// <summary>Newcomers that are proposed no more.</summary>
        public Counter.Child Retired { get; }
    }
}
