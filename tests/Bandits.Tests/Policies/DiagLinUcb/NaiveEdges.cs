using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Online Matching eq. 7 to 9 and the calibrated variant, from a dictionary of the interactions of each edge.</summary>
internal sealed class NaiveEdges
{
    private readonly Dictionary<(int Cluster, ActionKey Action), List<(double Weight, double Reward)>> _edges = [];

    public NaiveEdges(IEnumerable<Interaction> interactions)
    {
        foreach (var interaction in interactions)
        {
            foreach (var (cluster, weight) in interaction.Clusters.ToArray())
            {
                if (!_edges.TryGetValue((cluster, interaction.Action), out var seen))
                    _edges.Add((cluster, interaction.Action), seen = []);
                seen.Add((weight, interaction.Reward));
            }
        }
    }

    public double MeanReward => (_edges.Values.Sum(static e => e.Sum(static x => x.Weight * x.Reward)) + 5) / (_edges.Values.Sum(static e => e.Sum(static x => x.Weight)) + 10);

    public double Noise => Math.Sqrt(MeanReward * (1 - MeanReward));

    /// <summary>Eq. 7: Σ w·b/d and √(Σ w²/d), d = d0 + Σ w² (eq. 8), b = Σ w·r (eq. 9).</summary>
    public (double Mean, double Width)? Diagonal(ActionKey action, IEnumerable<ClusterWeight> connected, double d0)
    {
        double mean = 0, variance = 0;
        var known = false;
        foreach (var (cluster, weight) in connected)
        {
            var seen = Seen(cluster, action);
            known |= seen.Count > 0;
            var d = d0 + seen.Sum(static x => x.Weight * x.Weight);
            mean += weight * seen.Sum(static x => x.Weight * x.Reward) / d;
            variance += (double)weight * weight / d;
        }
        return known ? (mean, Noise * Math.Sqrt(variance)) : null;
    }

    /// <summary>θ = (b + d0·μ0)/(s + d0), n = s²/d, weights renormalised over the connected clusters.</summary>
    public (double Mean, double Width)? Calibrated(ActionKey action, IReadOnlyList<ClusterWeight> connected, double d0)
    {
        double mean = 0, variance = 0;
        var total = connected.Sum(static c => (double)c.Weight);
        foreach (var (cluster, weight) in connected)
        {
            var seen = Seen(cluster, action);
            var s = seen.Sum(static x => x.Weight);
            var n = seen.Count == 0 ? 0 : s * s / seen.Sum(static x => x.Weight * x.Weight);
            mean += weight / total * (seen.Sum(static x => x.Weight * x.Reward) + d0 * MeanReward) / (s + d0);
            variance += Math.Pow(weight / total, 2) / (n + d0);
        }
        return connected.Any(c => Seen(c.Cluster, action).Count > 0) ? (mean, Noise * Math.Sqrt(variance)) : null;
    }

    private List<(double Weight, double Reward)> Seen(int cluster, ActionKey action) => _edges.GetValueOrDefault((cluster, action)) ?? [];
}
