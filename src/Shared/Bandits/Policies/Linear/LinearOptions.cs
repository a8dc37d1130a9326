using Recsys.Bandits.Features;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>What the linear kinds have in common, resolved from their hyperparameters and the schema.</summary>
internal sealed record LinearOptions(
    FeatureSchema Features, RewardRange Reward, double Ridge, LinearScope FullScope, LinearScope DiagonalScope, int FullDimensionMax, int FullDoublesMax)
{
    /// <summary>log2 of the most weights in diagonal form: 2¹⁸ · 20 bytes = 5 MiB, the bound of a published shard in that form.</summary>
    public const int WeightBits = 18;

    /// <summary>
    /// With <c>covariance: auto</c>, most features of one full block. Solving D = 128 takes a fraction of a millisecond, and grows with D³.
    /// </summary>
    private const int AutoDimensionMax = 128;

    /// <summary>With <c>covariance: auto</c>, most sums of all full blocks together: 8 MiB, about 127 actions with 128 features, or 10 000 with 13.</summary>
    private const int AutoDoublesMax = 1 << 20;

    /// <summary>With <c>covariance: full</c>, most features of one block.</summary>
    private const int ForcedDimensionMax = 1024;

    /// <summary>With <c>covariance: full</c>, most sums of all blocks together: 64 MiB.</summary>
    private const int ForcedDoublesMax = 1 << 23;

    /// <summary>Declarations of the parameters read by <see cref="From"/>.</summary>
    public static IReadOnlyList<Hyperparameter> Declared { get; } =
    [
        new("ridge", "1", "Prior precision of every weight (λ of ridge regression), in observations.", 1e-6, 1e6),
        new("covariance", "auto", "full: exact ridge; diagonal: one variance per weight; auto: full up to 128 features, then diagonal.",
            Choices: ["auto", "full", "diagonal"]),
        new("scope", "auto", "per-action: own weights per action; shared: weights over action features; both; auto: shared if actions have vectors.",
            Choices: ["auto", "per-action", "shared", "both"]),
    ];

    /// <summary>Resolves a specification.</summary>
    public static LinearOptions From(PolicySpec spec)
    {
        var (dimensionMax, doublesMax) = spec.Parameters.Choice("covariance") switch
        {
            "full" => (ForcedDimensionMax, ForcedDoublesMax),
            "diagonal" => (0, 0),
            _ => (AutoDimensionMax, AutoDoublesMax),
        };
        // Diagonal weights are cheap, so auto takes everything there: what an action shares with others is learned at once, the rest per action.
        var (full, diagonal) = spec.Parameters.Choice("scope") switch
        {
            "per-action" => (LinearScope.PerAction, LinearScope.PerAction),
            "shared" => (LinearScope.Shared, LinearScope.Shared),
            "both" => (LinearScope.Both, LinearScope.Both),
            _ => (spec.Features.ActionVector > 0 ? LinearScope.Shared : LinearScope.PerAction, LinearScope.Both),
        };
        return new LinearOptions(spec.Features, spec.Reward, spec.Parameters.Number("ridge"), full, diagonal, dimensionMax, doublesMax);
    }
}
