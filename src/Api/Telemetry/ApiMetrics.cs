using Prometheus;

namespace Recsys.Api.Telemetry;

/// <summary>Every metric of the Api.</summary>
public sealed class ApiMetrics
{
    private readonly Counter _decisions;
    private readonly Histogram _duration;
    private readonly Histogram _candidates;
    private readonly Counter _dropped;
    private readonly Gauge _applied;
    private readonly Gauge _age;
    private readonly Counter _refused;

    /// <summary>Declares them.</summary>
    public ApiMetrics(IMetricFactory metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        _decisions = metrics.CreateCounter("recsys_decisions_total", "Decisions by policy and outcome.", ["experiment", "policy", "outcome"]);
        _duration = metrics.CreateHistogram(
            "recsys_decision_duration_seconds", "From the parsed request to the drawn answer.", ["experiment"],
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.000005, 3, 11) });
        _candidates = metrics.CreateHistogram(
            "recsys_decision_candidates", "Candidates per decision.", ["experiment"], new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(1, 2, 12) });
        _dropped = metrics.CreateCounter("recsys_events_dropped_total", "Decisions answered and not logged because the queue to the log was full.", ["experiment"]);
        _applied = metrics.CreateGauge("recsys_params_applied_timestamp_seconds", "When new parameters were last taken into use.", ["experiment"]);
        _age = metrics.CreateGauge("recsys_params_age_seconds", "Age of the parameters in use.", ["experiment"]);
        _refused = metrics.CreateCounter("recsys_params_refused_total", "Published parameters that failed verification.", ["experiment"]);
    }

    /// <summary>The children of one experiment, made once.</summary>
    public Children For(string experiment, string policy) => new(
        _decisions.WithLabels(experiment, policy, "ok"),
        _decisions.WithLabels(experiment, policy, "fallback"),
        _decisions.WithLabels(experiment, policy, "rejected"),
        _duration.WithLabels(experiment),
        _candidates.WithLabels(experiment),
        _dropped.WithLabels(experiment),
        _applied.WithLabels(experiment),
        _age.WithLabels(experiment),
        _refused.WithLabels(experiment));

    /// <summary>Metrics of one experiment.</summary>
    public sealed record Children(
        Counter.Child Ok,
        Counter.Child Fallback,
        Counter.Child Rejected,
        Histogram.Child Duration,
        Histogram.Child Candidates,
        Counter.Child Dropped,
        Gauge.Child Applied,
        Gauge.Child Age,
        Counter.Child Refused);
}
