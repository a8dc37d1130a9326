namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What the edges of one cluster say about its users: how they reward, and what affinities they meet, whatever they are shown. An edge weighs φ = n/(n + 1), less than one interaction, so
/// that it matters little which items the cluster was shown most. In fixed point, as <see cref="ItemSums"/>.
/// </summary>
/// <param name="Weight">Σ φ.</param>
/// <param name="Mean">Σ φ·b/s.</param>
/// <param name="Affinity">Σ φ·x.</param>
/// <param name="LastEdge">1 + the edge of this cluster that came last; 0 for none. Not a sum.</param>
internal readonly record struct ClusterSums(Int128 Weight, Int128 Mean, Int128 Affinity, int LastEdge)
{
    /// <summary>What one edge contributes.</summary>
    public static ClusterSums Of(in EdgeView edge)
    {
        var share = edge.Size / (edge.Size + 1);
        return share > 0
            ? new ClusterSums(
                ItemSums.Fixed(share), ItemSums.Fixed(share * edge.Reward / edge.Weight), ItemSums.Fixed(share * edge.Affinity / edge.Weight), 0)
            : default;
    }

    public static ClusterSums operator +(in ClusterSums a, in ClusterSums b) => a with
    {
        Weight = a.Weight + b.Weight, Mean = a.Mean + b.Mean, Affinity = a.Affinity + b.Affinity,
    };

    public static ClusterSums operator -(in ClusterSums a, in ClusterSums b) => a with
    {
        Weight = a.Weight - b.Weight, Mean = a.Mean - b.Mean, Affinity = a.Affinity - b.Affinity,
    };
}

/// <summary>What rewards and affinities of a cluster lie around.</summary>
/// <param name="Mean">Mean reward.</param>
/// <param name="Affinity">Mean affinity.</param>
internal readonly record struct Centre(double Mean, double Affinity);

/// <summary>
/// How clusters are centred: their averages lean on those of all, as if they had seen ten more edges of the average kind, and lie on a grid, because all edges of a cluster move with its centre.
/// </summary>
/// <param name="All">The centre of all clusters.</param>
/// <param name="Step">Of the grid of mean rewards; a thirty-second to a sixteenth of their standard deviation, a power of two.</param>
internal readonly record struct Centring(Centre All, double Step)
{
    private const double Imaginary = 10, AffinityStep = 1.0 / 64;

    /// <summary>Centres what all clusters say.</summary>
    /// <param name="mean">Mean of all rewards.</param>
    /// <param name="all">Sums over all clusters.</param>
    public static Centring Of(double mean, in ClusterSums all)
    {
        var step = Math.Pow(2, Math.Floor(Math.Log2(Math.Max(1e-6, mean * (1 - mean))) / 2)) / 16;
        var weight = ItemSums.Of(all.Weight);
        return new Centring(
            new Centre(
                OnGrid((ItemSums.Of(all.Mean) + Imaginary * mean) / (weight + Imaginary), step),
                OnGrid(ItemSums.Of(all.Affinity) / (weight + Imaginary), AffinityStep)),
            step);
    }

    /// <summary>Centres one cluster.</summary>
    public Centre Of(in ClusterSums cluster)
    {
        var weight = ItemSums.Of(cluster.Weight);
        return new Centre(
            OnGrid((ItemSums.Of(cluster.Mean) + Imaginary * All.Mean) / (weight + Imaginary), Step),
            OnGrid((ItemSums.Of(cluster.Affinity) + Imaginary * All.Affinity) / (weight + Imaginary), AffinityStep));
    }

    private static double OnGrid(double value, double step) => Math.Round(value / step) * step;
}
