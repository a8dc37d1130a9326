namespace Recsys.Bandits.Catalogue;

/// <summary>
/// The slots that a cluster has edges to, by rank: those of the given row in their order, and every <see cref="ClusterGraph.NewcomerShare"/>-th rank one that its score
/// earned a place beside them, for as long as there are both. A given slot may be without its item.
/// </summary>
internal readonly ref struct GraphRow
{
    private readonly ReadOnlySpan<int> _given;
    private readonly ReadOnlySpan<int> _earned;

    /// <summary>The row of a cluster.</summary>
    public GraphRow(GraphLayout layout, GraphState state, int cluster)
    {
        _given = layout.Given is null ? default : layout.Given[cluster];
        _earned = state.Rows[cluster].Edged;
    }

    /// <summary>Ranks.</summary>
    public int Length => _given.Length + _earned.Length;

    /// <summary>The slot of a rank.</summary>
    public int this[int rank]
    {
        get
        {
            var earnedBefore = Math.Min(_earned.Length, rank / ClusterGraph.NewcomerShare);
            var givenBefore = rank - earnedBefore;
            if (givenBefore >= _given.Length)
                return _earned[rank - _given.Length];
            return rank % ClusterGraph.NewcomerShare == ClusterGraph.NewcomerShare - 1 && earnedBefore < _earned.Length ? _earned[earnedBefore] : _given[givenBefore];
        }
    }

    /// <summary>The rank of a slot, or −1. O(W).</summary>
    public int RankOf(int slot)
    {
        const int Between = ClusterGraph.NewcomerShare - 1;
        var given = _given.IndexOf(slot);
        if (given >= 0)
            return given + Math.Min(_earned.Length, given / Between);
        var earned = _earned.IndexOf(slot);
        return earned < 0 ? -1 : Math.Min((ClusterGraph.NewcomerShare * earned) + Between, _given.Length + earned);
    }
}
