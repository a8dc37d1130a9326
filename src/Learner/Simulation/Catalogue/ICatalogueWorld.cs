using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>Users who arrive, the candidates that the graph proposes to them, and what they would like of those. One thread.</summary>
public interface ICatalogueWorld
{
    /// <summary>Shape of contexts and candidates.</summary>
    FeatureSchema Features { get; }

    /// <summary>Which items arrive during the run.</summary>
    FreshSchedule Fresh { get; }

    /// <summary>How good the hidden truth is where it was fitted to data; null where it is given.</summary>
    HeldOutFit? HeldOut { get; }

    /// <summary>The user of a round.</summary>
    /// <param name="arrivals">Randomness of the arriving users, which no policy touches.</param>
    /// <param name="round">Counted from 0; decides which fresh items have arrived.</param>
    CatalogueVisitor Arrive(SeededRandom arrivals, long round);
}

/// <summary>A user of a round and what the user meets.</summary>
/// <param name="Context">The user's cluster weights or vector, as <see cref="CatalogueContext"/> says.</param>
/// <param name="Clusters">The user's clusters with their weights.</param>
/// <param name="Candidates">The union of the clusters' items.</param>
/// <param name="Probabilities">Hidden from the policy: probability of a success of each candidate.</param>
/// <param name="Mean">Mean of the probabilities: what choosing uniformly earns.</param>
/// <param name="Best">Largest of the probabilities.</param>
public sealed record CatalogueVisitor(
    FeatureSet Context, ClusterWeight[] Clusters, Candidate[] Candidates, float[] Probabilities, float Mean, float Best)
{
    /// <summary>A visitor with the mean and the best of the probabilities.</summary>
    public static CatalogueVisitor Of(FeatureSet context, ClusterWeight[] clusters, Candidate[] candidates, float[] probabilities) =>
        new(context, clusters, candidates, probabilities, probabilities.Average(), probabilities.Max());

    /// <summary>Cluster weights as a vector with one element per cluster.</summary>
    public static float[] Weights(ClusterWeight[] membership, int clusters)
    {
        ArgumentNullException.ThrowIfNull(membership);
        var weights = new float[clusters];
        foreach (var (cluster, weight) in membership)
            weights[cluster] = weight;
        return weights;
    }
}
