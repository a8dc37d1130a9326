using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;

namespace Recsys.Learner.Training;

/// <summary>
/// Tries parameters the way a reader will before anybody else sees them: opens the frame, assembles the policy, and asks it for one decision. What
/// cannot be served must not be published. What networks learn can also become worse by learning more; where that is beyond noise, readers keep what they have
/// for a while. No learned state depends on any of it.
/// </summary>
public sealed class PublishGuard(IPolicyKind kind, PolicySpec spec)
{
    /// <summary>
    /// How often in a row <see cref="Regression"/> holds back at most. Each time at least one interaction more has been learned, so by then all that is compared on is newer
    /// than the first refusal. If what is served still looks better then, the next parameters will not repair that either, and serving something of the past for ever
    /// is worse than what was learned from the log.
    /// </summary>
    public const int HeldBackMax = PartitionState.RecentMax;

    private IPolicy? _last;
    private IPolicy? _served;
    private int _heldBack;

    /// <summary>What is wrong with framed parameters, one sentence, or null when they can be served.</summary>
    /// <param name="framed">Made by <see cref="SnapshotFraming.Frame"/>.</param>
    /// <param name="newest">The newest interaction learned, to ask a realistic question; null asks one about nothing in particular.</param>
    public string? Problem(ReadOnlyMemory<byte> framed, Interaction? newest)
    {
        try
        {
            var header = SnapshotFraming.Open(framed, spec.Fingerprint, out var payload);
            var policy = kind.Assemble(spec, [new PolicyShard(header.Partition, header.Interactions, payload)], _last);
            if (policy.Descriptor.Version != header.Interactions)
                return $"The frame says {header.Interactions} interactions and its parameters {policy.Descriptor.Version}.";
            if (Try(policy, newest) is { } problem)
                return problem;
            // Kept to share what has not changed; of the large ones there are few, and each is as much memory again.
            _last = kind is IDeltaKind ? null : policy;
            return null;
        }
        catch (SnapshotFormatException problem)
        {
            return problem.Message;
        }
    }

    /// <summary>
    /// Why the parameters for which <see cref="Problem"/> was null just now should not replace those that were let through last, one sentence, or null when they should.
    /// Sudden ruin is found; what becomes worse by less than noise at each publication is not.
    /// </summary>
    /// <param name="recent">The newest interactions learned; none where what is learned are sums, which only become surer.</param>
    public string? Regression(IReadOnlyCollection<Interaction> recent)
    {
        if (recent.Count == 0)
            return null;
        if (_served is not null && _heldBack < HeldBackMax && ForesightComparison.Of(_served, _last!, spec.Reward, recent) is { IsWorse: true } comparison)
        {
            _heldBack++;
            return comparison.ToString();
        }
        _heldBack = 0;
        _served = _last;
        return null;
    }

    /// <summary>What is wrong with a framed delta, one sentence, or null when it can be applied.</summary>
    /// <remarks>
    /// Costs what the delta is long: it is read completely, and not applied to anything. Estimates are tried when whole parameters are, of which these sums
    /// are a part sooner or later.
    /// </remarks>
    /// <param name="framed">Made by <see cref="SnapshotFraming.FrameDelta"/>.</param>
    public string? DeltaProblem(ReadOnlyMemory<byte> framed)
    {
        if (kind is not IDeltaKind deltas)
            return $"The kind '{kind.Name}' knows no deltas.";
        try
        {
            SnapshotFraming.OpenDelta(framed, spec.Fingerprint, out var payload);
            deltas.VerifyDelta(spec, payload.Span);
            return null;
        }
        catch (SnapshotFormatException problem)
        {
            return problem.Message;
        }
    }

    private string? Try(IPolicy policy, Interaction? newest)
    {
        var shapes = spec.Features;
        var context = newest?.Context ?? new FeatureSet(default, new float[shapes.ContextVector]);
        var action = newest?.ActionFeatures ?? new FeatureSet(default, new float[shapes.ActionVector]);
        ReadOnlySpan<Candidate> candidates = [new(default, newest?.Action ?? default, action)];
        ReadOnlySpan<ClusterWeight> clusters = newest is { Clusters.IsEmpty: false } ? newest.Clusters.Span : [new ClusterWeight(0, 1)];
        Span<float> mean = stackalloc float[1], width = stackalloc float[1], propensity = stackalloc float[1];
        policy.Estimate(new DecisionQuery(context, candidates, clusters), mean, width);
        if (!float.IsFinite(mean[0]) || !(width[0] >= 0) || !float.IsFinite(width[0]))
            return $"They estimate {mean[0]} with width {width[0]}.";
        policy.Distribute(mean, width, propensity);
        return Math.Abs(propensity[0] - 1) <= Recsys.Bandits.Exploration.PropensitySampler.Tolerance
            ? null
            : $"They give the only action probability {propensity[0]}.";
    }
}
