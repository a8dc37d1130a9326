using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The impressions that one partition awaits, by edge. What is written of them belongs to a version: it moves only when the version does, so that whatever is written again
/// for a version, whole or as a change, leads every reader to the same sums.
/// </summary>
/// <remarks>
/// Bounded: edges without awaited impressions are let go, so there are at most as many as open joins (<see cref="JoinLimits.RetainedMax"/>) times positions of a decision
/// times clusters of a user; three times that, as what was written, what has changed since and what was not published.
/// </remarks>
internal sealed class PendingTracker
{
    // What was last written, what has changed since, and how what was last written differs from what was published.
    private readonly Dictionary<EdgeKey, PendingSums> _written = [];
    private readonly Dictionary<EdgeKey, PendingSums> _since = [];
    private readonly Dictionary<EdgeKey, PendingSums> _unpublished = [];
    private long _version = -1;

    /// <summary>One impression more on its edges, or one less.</summary>
    /// <param name="impression">The impression.</param>
    /// <param name="sign">1 or -1.</param>
    public void Add(in Impression impression, int sign)
    {
        foreach (var (cluster, weight) in impression.Clusters.Span)
        {
            // What will not be learned is not awaited.
            if (!EdgeSums.CanLearn(cluster, weight))
                continue;
            var sums = PendingSums.Of(weight);
            Add(_since, new EdgeKey(cluster, impression.Action), sign > 0 ? sums : default(PendingSums) - sums);
        }
    }

    /// <summary>Awaits nothing any more.</summary>
    public void Forget()
    {
        _since.Clear();
        foreach (var (edge, sums) in _written)
            _since.Add(edge, default(PendingSums) - sums);
    }

    /// <summary>As if nothing had ever been awaited or written.</summary>
    public void Clear()
    {
        _written.Clear();
        _since.Clear();
        _unpublished.Clear();
        _version = -1;
    }

    /// <summary>What is awaited at a version.</summary>
    /// <param name="version">Interactions learned.</param>
    public PendingList Whole(long version)
    {
        MoveTo(version);
        return PendingList.Of(_written);
    }

    /// <summary>By how much that differs from what was published.</summary>
    /// <param name="version">Interactions learned.</param>
    public PendingList Change(long version)
    {
        MoveTo(version);
        return PendingList.Of(_unpublished);
    }

    /// <summary>What was last written was published.</summary>
    public void MarkPublished() => _unpublished.Clear();

    private void MoveTo(long version)
    {
        if (version == _version)
            return;
        _version = version;
        foreach (var (edge, sums) in _since)
        {
            Add(_written, edge, sums);
            Add(_unpublished, edge, sums);
        }
        _since.Clear();
    }

    private static void Add(Dictionary<EdgeKey, PendingSums> to, in EdgeKey edge, in PendingSums sums)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(to, edge, out _);
        sum += sums;
        if (sum == default)
            to.Remove(edge);
    }
}
