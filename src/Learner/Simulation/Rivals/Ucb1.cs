using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>
/// UCB1 (Auer, Cesa-Bianchi and Fischer 2002, figure 1) in every cluster on its own: the user is the nearest cluster and nothing else, the arms are the items
/// that it has an edge to. Mean reward of the arm, width √(2·ln N / n) for n pulls of the arm and N in the cluster; an arm never pulled comes first.
/// </summary>
public sealed class Ucb1 : ILiveEstimator
{
    // Rewards and widths are at least 0: below every arm of the cluster.
    private const float NoArm = -1;
    private readonly Dictionary<EdgeKey, (long Pulls, double Reward)> _arms = [];
    private readonly Dictionary<int, long> _pulls = [];

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <summary>Cluster, item, pulls and reward of an arm; cluster and pulls of a cluster.</summary>
    public long StateBytes => _arms.Count * (sizeof(int) + 3L * sizeof(long)) + _pulls.Count * (sizeof(int) + (long)sizeof(long));

    /// <inheritdoc/>
    public void Learn(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        // An arm is connected to the nearest cluster, so that of an interaction's connected clusters the heaviest is the nearest.
        var clusters = interaction.Clusters.Span;
        var cluster = clusters[Nearest(clusters)].Cluster;
        var arm = new EdgeKey(cluster, interaction.Action);
        var (pulls, reward) = _arms.GetValueOrDefault(arm);
        _arms[arm] = (pulls + 1, reward + interaction.Reward);
        _pulls[cluster] = _pulls.GetValueOrDefault(cluster) + 1;
    }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var nearest = Nearest(query.Clusters);
        var cluster = query.Clusters[nearest].Cluster;
        var log = Math.Log(Math.Max(1, _pulls.GetValueOrDefault(cluster)));
        for (var j = 0; j < query.Candidates.Length; j++)
        {
            ref readonly var candidate = ref query.Candidates[j];
            (means[j], widths[j]) = (candidate.ClusterMask >> nearest & 1) == 0 ? (NoArm, 0)
                : _arms.TryGetValue(new EdgeKey(cluster, candidate.Key), out var arm)
                    ? ((float)(arm.Reward / arm.Pulls), (float)Math.Sqrt(2 * log / arm.Pulls))
                    : (0, DiagLinUcbEstimator.FreshWidth);
        }
    }

    private static int Nearest(ReadOnlySpan<ClusterWeight> clusters)
    {
        var nearest = 0;
        for (var i = 1; i < clusters.Length; i++)
            nearest = clusters[i].Weight > clusters[nearest].Weight ? i : nearest;
        return nearest;
    }
}
