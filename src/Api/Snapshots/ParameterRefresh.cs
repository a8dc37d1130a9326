using Recsys.Api.Telemetry;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>What keeps the parameters of one experiment fresh.</summary>
/// <param name="Experiment">The experiment.</param>
/// <param name="Slot">Where to put them.</param>
/// <param name="Store">Where they come from.</param>
/// <param name="Metrics">Counts.</param>
/// <param name="Clock">Time.</param>
/// <param name="Log">Messages.</param>
public sealed record RefreshParts(
    Experiment Experiment, PolicySlot Slot, ISnapshotReader Store, ApiMetrics.ForExperiment Metrics, TimeProvider Clock, ILogger Log);

/// <summary>
/// Keeps the parameters of one experiment fresh: fetches what moved, verifies it completely, makes the next policy beside the serving one and swaps. Whatever
/// cannot be verified is refused and the last good policy stays. Used by one loop at a time.
/// </summary>
public abstract class ParameterRefresh
{
    /// <summary>What was published can be replaced between reading its head and fetching it; twice in a row is bad luck, more is a fault.</summary>
    protected const int HeadReadsMax = 3;

    private readonly RefreshParts _parts;
    private bool _refusedForDefinition;

    private protected ParameterRefresh(RefreshParts parts) => _parts = parts;

    /// <summary>What trained the parameters.</summary>
    protected PolicySpec Spec => _parts.Experiment.Definition.Policy;

    /// <summary>Where parameters come from.</summary>
    protected ISnapshotReader Store => _parts.Store;

    /// <summary>Name of the experiment.</summary>
    protected string Name => _parts.Experiment.Name;

    /// <summary>Counts.</summary>
    protected ApiMetrics.ForExperiment Metrics => _parts.Metrics;

    /// <summary>Time.</summary>
    protected TimeProvider Clock => _parts.Clock;

    /// <summary>What serves.</summary>
    protected IPolicy? Serving => _parts.Slot.Current.Policy;

    /// <summary>For the kind of an experiment.</summary>
    /// <param name="parts">What it works with.</param>
    /// <param name="kind">Makes its policies; null for the kind in the catalogue.</param>
    public static ParameterRefresh Create(RefreshParts parts, IPolicyKind? kind = null)
    {
        kind ??= PolicyCatalog.Find(parts.Experiment.Definition.Policy.Kind);
        return kind is IDeltaKind deltas ? new DeltaRefresh(parts, deltas) : new WholeRefresh(parts, kind);
    }

    /// <summary>Takes over what an earlier definition with the same fingerprint had fetched; only what acts when serving has changed.</summary>
    public void TakeOver(ParameterRefresh earlier)
    {
        if (earlier.Spec.Fingerprint == Spec.Fingerprint)
            Continue(earlier);
        else if (earlier.HasParameters)
            _parts.Slot.Current = ServingState.Outdated;
    }

    /// <summary>Looks once.</summary>
    /// <returns>Whether new parameters were put into service.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached; what is served stays.</exception>
    public abstract Task<bool> RefreshAsync(CancellationToken cancellationToken);

    /// <summary>Whether anything was fetched.</summary>
    protected abstract bool HasParameters { get; }

    /// <summary>Takes over what another with the same fingerprint has.</summary>
    protected abstract void Continue(ParameterRefresh earlier);

    /// <summary>Opens whole parameters of a head or of the base that it names.</summary>
    /// <exception cref="SnapshotFormatException">They are damaged, or others.</exception>
    protected PolicyShard Open(in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var header = SnapshotFraming.Open(framed, Spec.Fingerprint, out var payload);
        if (header.Partition != head.Partition || header.Epoch != head.Epoch || header.Interactions != (head.Base ?? head.Interactions))
            throw new SnapshotFormatException($"The frame is of partition {header.Partition} ({header.Epoch}, {header.Interactions}).");
        return new PolicyShard(head.Partition, header.Interactions, payload);
    }

    /// <summary>Swaps.</summary>
    protected void Serve(IPolicy policy, long asOf)
    {
        if (Serving is null)
            _parts.Log.FirstParameters(Name, policy.Descriptor.Kind, policy.Descriptor.Version);
        _parts.Slot.Current = new ServingState(policy, asOf, null);
        var now = Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Metrics.Applied.Set(now / 1000.0);
        Metrics.Freshness.Observe(Math.Max(0, now - asOf) / 1000.0);
        Metrics.AppliedVersion.Set(policy.Descriptor.Version);
    }

    /// <summary>Says up to when what serves reflects the log, or why nothing does.</summary>
    protected void Touch(long asOf)
    {
        var current = _parts.Slot.Current;
        if (current.Policy is not null && asOf != current.AsOf)
            _parts.Slot.Current = current with { AsOf = asOf };
        if (current.Policy is null && _refusedForDefinition)
            _parts.Slot.Current = ServingState.Outdated;
    }

    /// <summary>Counts and reports what is not put into service.</summary>
    protected void Refuse(in ShardHead head, SnapshotFormatException problem)
    {
        // After a new definition this is the rule until the learner has followed it.
        if (problem is SnapshotMismatchException)
        {
            _refusedForDefinition = true;
            Metrics.OtherDefinition.Inc();
            _parts.Log.ParametersOutdated(Name, head.Partition, problem.Message);
        }
        else
        {
            Metrics.Corrupt.Inc();
            _parts.Log.ParametersRefused(Name, head.Partition, head.Epoch, head.Interactions, problem.Message);
        }
    }
}
