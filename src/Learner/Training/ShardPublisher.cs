using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>
/// Publishes what one partition has learned when it is due, and gives signs of life in between. Whole parameters first in a tenure; then, where the trainer can, what
/// was learned since, until that is as much as the whole; whole again after anything that was not accepted.
/// </summary>
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
    private int _heldBack;

    // Whether the store is known to have what was published last, so that a delta can lead on from there.
    private bool _chained;
    private long _baseBytes;
    private long _deltaBytes;
    private double _basedAt;
    private double _baseCost;

    /// <summary>Has published nothing in this tenure.</summary>
    public ShardPublisher(Experiment experiment, int partition, long epoch, LearnerOutlets outlets, LearnerMetrics.Children metrics)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(outlets);
        _experiment = experiment.Name;
        _partition = partition;
        _epoch = epoch;
        _spec = experiment.Definition.Policy;
        _guard = new PublishGuard((outlets.Trainers ?? TrainerFactory.Cpu).Kind(_spec), _spec);
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
        // A refused touch means a later writer, or a store that has lost something: publishing all of it tells which, and repairs the second.
        if (_out.Snapshots.Touch(_experiment, Head(asOf)) != SnapshotOutcome.Published)
        {
            _chained = false;
            return Publish(state, now, asOf);
        }
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
        var isFirst = _published < 0;
        if (_chained && state.Delta() is { } delta && state.Interactions > _published)
        {
            switch (PublishDelta(state, delta.Span, asOf))
            {
                case SnapshotOutcome.Fenced:
                    return false;
                case SnapshotOutcome.Published:
                    Published(state, now, asOf);
                    _cost = Since(started);
                    return !Cadence.IsBaseDue(_deltaBytes, _baseBytes, now - _basedAt, _baseCost) || PublishWhole(state, now, asOf) != SnapshotOutcome.Fenced;
            }
        }
        switch (PublishWhole(state, now, asOf))
        {
            case SnapshotOutcome.Fenced:
                return false;
            case SnapshotOutcome.Published:
                Published(state, now, asOf);
                // What follows the first are deltas, which cost nothing like it. Where it follows a delta that was not taken, the next may do so too.
                _cost = isFirst && state.WritesDeltas ? 0 : Since(started);
                break;
        }
        return true;
    }

    // The outcome; Missing also when readers could not apply it.
    private SnapshotOutcome PublishDelta(PartitionState state, ReadOnlySpan<byte> delta, long asOf)
    {
        // Whatever happens to it on the way: what was not accepted for certain is not built upon.
        _chained = false;
        var framed = SnapshotFraming.FrameDelta(
            new DeltaHeader(new SnapshotHeader(_spec.Fingerprint, _partition, _epoch, state.Interactions), _published), delta);
        if (_guard.DeltaProblem(framed) is { } problem)
        {
            Refuse(problem);
            return SnapshotOutcome.Missing;
        }
        SnapshotOutcome outcome;
        try
        {
            outcome = _out.Snapshots.PublishDelta(_experiment, new ShardHead(_partition, _epoch, state.Interactions, asOf), _published, framed);
        }
        catch (StoreUnavailableException)
        {
            // Taken or not: the trainer goes on adding to what it has not marked, and a store that has taken it will say that the next one does not fit.
            _chained = true;
            throw;
        }
        if (outcome != SnapshotOutcome.Published)
            return outcome;
        Mark(state);
        _chained = true;
        _deltaBytes += framed.Length;
        _metrics.DeltaBytes.Inc(framed.Length);
        return outcome;
    }

    // The outcome; Missing when the parameters are not fit to be served, or worse than the last ones, and were not given to the store. When the store is lost on the way
    // its head is what it was or this very version, and a delta that follows finds out which.
    private SnapshotOutcome PublishWhole(PartitionState state, double now, long asOf)
    {
        var started = _out.Time.GetTimestamp();
        var parameters = state.Parameters();
        var framed = SnapshotFraming.Frame(new SnapshotHeader(_spec.Fingerprint, _partition, _epoch, state.Interactions), parameters.Span);
        if (_guard.Problem(framed, state.Newest) is { } problem)
        {
            _chained = false;
            _refused = state.Interactions;
            Refuse(problem);
            return SnapshotOutcome.Missing;
        }
        if (_guard.Regression(state.Recent) is { } regression)
        {
            _refused = state.Interactions;
            HoldBack(regression);
            // Not with every interaction: trying costs what publishing does.
            _publishedAt = now;
            return SnapshotOutcome.Missing;
        }
        try
        {
            var outcome = _out.Snapshots.Publish(_experiment, new ShardHead(_partition, _epoch, state.Interactions, asOf), framed);
            if (outcome != SnapshotOutcome.Published)
                return outcome;
        }
        finally
        {
            (_basedAt, _baseCost) = (now, Since(started));
        }
        Mark(state);
        _chained = state.WritesDeltas;
        (_baseBytes, _deltaBytes) = (framed.Length, 0);
        _metrics.WholeBytes.Inc(framed.Length);
        return SnapshotOutcome.Published;
    }

    private void Mark(PartitionState state)
    {
        if (state.UnpublishedSince is { } since)
            _metrics.PolicyLatency.Observe(Math.Max(0, _out.Time.GetUtcNow().ToUnixTimeMilliseconds() - since) / 1000.0);
        state.MarkPublished();
    }

    private void Published(PartitionState state, double now, long asOf)
    {
        _published = state.Interactions;
        _refusing = false;
        if (_heldBack > 0)
            _out.Log.NoLongerHeldBack(_experiment, _partition, _heldBack);
        _heldBack = 0;
        _publishedAt = _touchedAt = now;
        _metrics.Version.Set(state.Interactions);
        _metrics.Published.Set(asOf / 1000.0);
    }

    // Readers keep the last good parameters, and learning goes on: the state is a function of the log, so stopping would not improve it.
    private void Refuse(string problem)
    {
        _metrics.Refused.Inc();
        if (!_refusing)
            _out.Log.Unpublishable(_experiment, _partition, problem);
        _refusing = true;
    }

    // The same, for parameters that could be served.
    private void HoldBack(string regression)
    {
        _metrics.HeldBack.Inc();
        if (_heldBack++ == 0)
            _out.Log.HeldBack(_experiment, _partition, regression);
    }

    private double Since(long started) => _out.Time.GetElapsedTime(started).TotalMilliseconds;

    private ShardHead Head(long asOf) => new(_partition, _epoch, _published, asOf);
}
