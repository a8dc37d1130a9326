namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>The kind <c>neural-linear</c>, resolved from its hyperparameters and the schema.</summary>
/// <param name="Trunk">How the network learns.</param>
/// <param name="Ridge">λ, above 0.</param>
/// <param name="TrunkEvery">Most interactions between replacements of the head trunk.</param>
internal sealed record NeuralLinearOptions(NeuralOptions Trunk, double Ridge, int TrunkEvery)
{
    /// <summary>
    /// A replacement costs as much as there are interactions to replay. After every sixteenth part of them it costs a bounded number of features for each
    /// interaction, however few there are, and the trunk keeps up while it is still learning fast.
    /// </summary>
    private const int ReplayedParts = 16;

    /// <summary>D: the hidden units and the constant.</summary>
    public int Dimension => Trunk.Hidden + 1;

    /// <summary>
    /// Declarations of the parameters read by <see cref="From"/>. With H hidden units an action takes, in each network, 4·(H + 1)·(H + 4)
    /// bytes of sums, here and in what is published: 17.7 kB at the defaults, 18 MB for as many actions as there may be, and 0.6 GB at the
    /// largest of everything, which one message of a snapshot store still holds. Doubles, because in sums rounded to floats a small λ would
    /// be lost.
    /// </summary>
    public static IReadOnlyList<Hyperparameter> Declared { get; } =
    [
        new("ridge", "0.25", "Prior precision of the weights on the hidden units, which are scaled by the root of their number.", 1e-6, 1e6),
        new("trunkEvery", "128", "Most interactions between two replacements of the network under the heads; fewer while less is replayed.",
            1, 1 << 20, Integer: true),
        .. NeuralOptions.Declared("log").Select(static declared => declared.Name switch
        {
            "networks" => declared with { Default = "1", Maximum = 4 },
            "hidden" => declared with { Default = "64", Maximum = 128 },
            "actionsMax" => declared with { Default = "1024", Maximum = 2048 },
            _ => declared,
        }),
    ];

    /// <summary>Resolves a specification.</summary>
    public static NeuralLinearOptions From(PolicySpec spec) => new(
        NeuralOptions.From(spec, WidthForm.None), spec.Parameters.Number("ridge"), spec.Parameters.Integer("trunkEvery"));

    /// <summary>Interactions after which the head trunk is replaced.</summary>
    /// <param name="replayed">Interactions in the replay ring.</param>
    public int Interval(int replayed) => Math.Clamp(replayed / ReplayedParts, 1, TrunkEvery);
}
