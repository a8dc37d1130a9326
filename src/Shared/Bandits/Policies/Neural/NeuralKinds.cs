using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>Parameters of inverse gap weighting over a network.</summary>
internal static class GapWeighting
{
    /// <summary>The declarations.</summary>
    public static IReadOnlyList<Hyperparameter> Declared(string gammaScale) =>
    [
        new("gammaScale", gammaScale, "Greediness after one interaction: gamma = gammaScale * n^gammaExponent.", 0, 1e9),
        new("gammaExponent", "0.5", "How greediness grows with the interactions n since the world last moved; 0 for a constant.", 0, 1),
        new("gammaWindow", "0", "Interactions that n counts at most, for a world that moves all the time; 0 for all.", 0, 1e12),
        new("optimism", "0.07", "Confidence widths added to the mean before gaps are taken; 0 is the paper.", 0, 100),
    ];

    /// <summary>γ.</summary>
    public static double Gamma(HyperparameterSet parameters, long experience) => GammaSchedule.At(
        parameters.Number("gammaScale"), parameters.Number("gammaExponent"), experience, parameters.Number("gammaWindow"));

    /// <summary>Whether widths are needed.</summary>
    public static WidthForm Widths(HyperparameterSet parameters) => parameters.Number("optimism") > 0 ? WidthForm.Head : WidthForm.None;
}

/// <summary>The kind <c>neu-square-cb</c>: inverse gap weighting over a network with square loss (Deb et al., ICLR 2024, arXiv 2312.07145).</summary>
/// <remarks>With smaller minibatches it forgets actions that are seldom right: squared loss is flat where logarithmic loss is steep.</remarks>
public sealed class NeuSquareCbKind() : NeuralKind<OptimisticMeans<SquareCb>>("neu-square-cb", "square", GapWeighting.Declared("100"), batch: 64)
{
    private protected override WidthForm Widths(HyperparameterSet parameters) => GapWeighting.Widths(parameters);

    private protected override OptimisticMeans<SquareCb> CreateExplorer(HyperparameterSet parameters, long experience) =>
        new(new SquareCb(GapWeighting.Gamma(parameters, experience)), parameters.Number("optimism"));
}

/// <summary>The kind <c>neu-fast-cb</c>: the same with logarithmic loss, and less exploration where the best action hardly ever fails.</summary>
public sealed class NeuFastCbKind() : NeuralKind<OptimisticMeans<FastCb>>("neu-fast-cb", "log", GapWeighting.Declared("30"))
{
    private protected override WidthForm Widths(HyperparameterSet parameters) => GapWeighting.Widths(parameters);

    private protected override OptimisticMeans<FastCb> CreateExplorer(HyperparameterSet parameters, long experience) =>
        new(new FastCb(GapWeighting.Gamma(parameters, experience)), parameters.Number("optimism"));
}

/// <summary>The kind <c>neural-ucb</c>: optimism over a network (Zhou, Li and Gu, ICML 2020, arXiv 1911.04462), with a diagonal matrix that grows at feedback.</summary>
public sealed class NeuralUcbKind() : NeuralKind<Optimistic>("neural-ucb", "log",
[
    new("alpha", "0.1", "Confidence widths added to the mean, for rewards normalised to [0, 1].", 0, 100),
    new("floor", "0.01", "Share of decisions made uniformly, so that every logged propensity is positive.", 0, 1),
])
{
    private protected override WidthForm Widths(HyperparameterSet parameters) => WidthForm.Full;

    private protected override Optimistic CreateExplorer(HyperparameterSet parameters, long experience) =>
        new(parameters.Number("alpha"), parameters.Number("floor"));
}

/// <summary>The kind <c>neural-ts</c>: Thompson sampling over a network (Zhang et al., ICLR 2021, arXiv 2010.00827), with a diagonal matrix that grows at feedback.</summary>
public sealed class NeuralTsKind() : NeuralKind<Thompson>("neural-ts", "log",
[
    new("alpha", "0.1", "Standard deviations of the sampled means, in confidence widths.", 0, 100),
    new("floor", "0.01", "Share of decisions made uniformly, so that every logged propensity is well above 0.", 0, 1),
])
{
    private protected override WidthForm Widths(HyperparameterSet parameters) => WidthForm.Full;

    private protected override Thompson CreateExplorer(HyperparameterSet parameters, long experience) =>
        new(parameters.Number("alpha"), parameters.Number("floor"));
}

/// <summary>The kind <c>neural-epsilon-greedy</c>: the baseline that explores regardless of what it knows.</summary>
public sealed class NeuralEpsilonGreedyKind() : NeuralKind<EpsilonGreedy>("neural-epsilon-greedy", "log",
    [new("epsilon", "0.05", "Share of decisions made uniformly.", 0, 1)])
{
    private protected override WidthForm Widths(HyperparameterSet parameters) => WidthForm.None;

    private protected override EpsilonGreedy CreateExplorer(HyperparameterSet parameters, long experience) => new(parameters.Number("epsilon"));
}
