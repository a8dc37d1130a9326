using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>Publishes what one partition has learned when it is due, and gives signs of life in between.</summary>
public sealed class ShardPublisher
{
    private readonly string _experiment;
    private readonly int _partition;
    private readonly long _epoch;
    private readonly PolicySpec _spec;
    private readonly PublishGuard _guard;
    private readonly LearnerOutlets _out;
    private readonly LearnerMetrics.Children _metrics;
    private long _published = -1;
    private long _refused = -1;
    private double _publishedAt = double.MinValue;
    private double _touchedAt = double.MinValue;
    private double _cost;
    private bool _refusing;

    /// <summary>Has published nothing in this tenure.</summary>
    public ShardPublisher(Experiment experiment, int partition, long epoch, LearnerOutlets outlets, LearnerMetrics.Children metrics)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        _experiment = experiment.Name;
        _partition = partition;
        _epoch = epoch;
        _spec = experiment.Definition.Policy;
        _guard = new PublishGuard(PolicyCatalog.Find(_spec.Kind), _spec);
        _out = outlets;
        _metrics = metrics;
    }

    /// <summary>Interactions learned and not published; 1 before the first publication, so that even untrained parameters reach their readers.</summary>
    public long Unpublished(PartitionState state) => _published < 0 ? Math.Max(1, state.Interactions) : state.Interactions - _published;

    /// <summary>Publishes or touches if due.</summary>
    /// <param name="state">What was learned.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="asOf">Up to when the log is reflected, Unix ms.</param>
    /// <returns>False when a later writer was there first.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    public bool Advance(PartitionState state, double now, long asOf)
    {
        var unpublished = Unpublished(state);
        if (Cadence.IsPublicationDue(_out.Options, unpublished, now - _publishedAt, _cost))
            return Publish(state, now, asOf);
        if (!Cadence.IsHeartbeatDue(_out.Options, unpublished, now - _touchedAt))
            return true;
        // A refused touch means a later writer, or a store that has lost its head: publishing tells which, and repairs the second.
        if (_out.Snapshots.Touch(_experiment, Head(asOf)) == SnapshotOutcome.Fenced)
            return Publish(state, now, asOf);
        _touchedAt = now;
        return true;
    }

    /// <summary>Publishes what is unpublished, due or not.</summary>
    /// <returns>False when a later writer was there first.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    public bool Flush(PartitionState state, double now, long asOf) => Unpublished(state) == 0 || Publish(state, now, asOf);

    private bool Publish(PartitionState state, double now, long asOf)
    {
        if (state.Interactions == _refused)
            return true;
        var started = _out.Time.GetTimestamp();
        var parameters = state.Parameters();
        var framed = SnapshotFraming.Frame(new SnapshotHeader(_spec.Fingerprint, _partition, _epoch, state.Interactions), parameters.Span);
        if (_guard.Problem(framed, state.Newest) is { } problem)
        {
            Refuse(state.Interactions, problem);
            return true;
        }
        var head = new ShardHead(_partition, _epoch, state.Interactions, asOf);
        if (_out.Snapshots.Publish(_experiment, head, framed) == SnapshotOutcome.Fenced)
            return false;
        _published = state.Interactions;
        _refusing = false;
        _publishedAt = _touchedAt = now;
        _cost = _out.Time.GetElapsedTime(started).TotalMilliseconds;
        _metrics.Version.Set(state.Interactions);
        _metrics.Published.Set(asOf / 1000.0);
        return true;
    }

    // Readers keep the last good parameters, and learning goes on: the state is a function of the log, so stopping would not improve it.
    private void Refuse(long interactions, string problem)
    {
        _refused = interactions;
        _metrics.Refused.Inc();
        if (!_refusing)
            _out.Log.Unpublishable(_experiment, _partition, problem);
        _refusing = true;
    }

    private ShardHead Head(long asOf) => new(_partition, _epoch, _published, asOf);
}
