using Recsys.Bandits.Features;

namespace Recsys.Bandits.Interactions;

/// <summary>One action that may be chosen.</summary>
/// <param name="Id">Its id as UTF-8, 1 to 1024 bytes.</param>
/// <param name="Key">Hash of the id.</param>
/// <param name="Features">Its encoded features.</param>
/// <param name="ClusterMask">
/// Bit i is set when the user's i-th cluster (see <see cref="DecisionQuery.Clusters"/>) has an edge to this action in the graph. All ones when the
/// request itself lists the actions.
/// </param>
public readonly record struct Candidate(ReadOnlyMemory<byte> Id, ActionKey Key, FeatureSet Features, ulong ClusterMask = ulong.MaxValue);

/// <summary>What a policy sees of one decision: views over encoded data, nothing owned, nothing copied.</summary>
public readonly ref struct DecisionQuery
{
    /// <summary>Most user clusters one decision may carry; a candidate's edges to them fit one machine word.</summary>
    public const int ClustersMax = 64;

    /// <summary>The mask of a candidate that all of so many clusters have an edge to.</summary>
    /// <param name="clusters">0 to <see cref="ClustersMax"/>.</param>
    public static ulong AllClusters(int clusters) => clusters == ClustersMax ? ulong.MaxValue : (1UL << clusters) - 1;

    /// <summary>Binds the views.</summary>
    /// <param name="context">Encoded features of user and situation.</param>
    /// <param name="candidates">The K ≥ 1 actions to choose from, with distinct keys.</param>
    /// <param name="clusters">The user's clusters, at most <see cref="ClustersMax"/>, weights adding to 1; cluster 0 with weight 1 where there are no centroids.</param>
    public DecisionQuery(FeatureSet context, ReadOnlySpan<Candidate> candidates, ReadOnlySpan<ClusterWeight> clusters)
    {
        Context = context;
        Candidates = candidates;
        Clusters = clusters;
    }

    /// <summary>Encoded features of user and situation.</summary>
    public FeatureSet Context { get; }

    /// <summary>The actions to choose from.</summary>
    public ReadOnlySpan<Candidate> Candidates { get; }

    /// <summary>The user's clusters and weights.</summary>
    public ReadOnlySpan<ClusterWeight> Clusters { get; }
}
