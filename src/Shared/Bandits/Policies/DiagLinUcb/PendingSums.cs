namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// Impressions of one edge whose reward is awaited, as sums in fixed point like those of <see cref="EdgeSums"/>: what learning them will add beside rewards. Also a
/// change of such sums, then of either sign. An impression counts whole while it is awaited; windows are short beside half-lives.
/// </summary>
/// <param name="Count">n: impressions.</param>
/// <param name="Precision">Σ w², in units of 1 / <see cref="EdgeSums.Scale"/>.</param>
/// <param name="Weight">Σ w, in units of 1 / <see cref="EdgeSums.Scale"/>.</param>
public readonly record struct PendingSums(long Count, long Precision, long Weight)
{
    /// <summary>Most impressions of one edge, far more than a joiner holds open: it keeps sums from overflowing that damaged bytes promise.</summary>
    public const long CountMax = 1L << 32;

    /// <summary>What a single impression adds.</summary>
    /// <param name="weight">w, in [<see cref="EdgeSums.WeightMin"/>, 1].</param>
    public static PendingSums Of(float weight)
    {
        double w = weight;
        return new PendingSums(1, (long)Math.Round(EdgeSums.Scale * w * w), (long)Math.Round(EdgeSums.Scale * w));
    }

    /// <summary>Adds two sums.</summary>
    public static PendingSums operator +(PendingSums left, PendingSums right) =>
        new(left.Count + right.Count, left.Precision + right.Precision, left.Weight + right.Weight);

    /// <summary>Takes sums away.</summary>
    public static PendingSums operator -(PendingSums left, PendingSums right) =>
        new(left.Count - right.Count, left.Precision - right.Precision, left.Weight - right.Weight);

    /// <summary>Whether these can be the sums of impressions, of none too: 0 ≤ d ≤ s ≤ n ≤ <see cref="CountMax"/>.</summary>
    public bool IsPossible => Count is >= 0 and <= CountMax && Precision >= 0 && Precision <= Weight && Weight <= Count << 24;

    /// <summary>Whether these can be what such sums changed by: each part within the largest sum, and something did change.</summary>
    public bool IsChange => this != default && Within(Count, CountMax) && Within(Precision, CountMax << 24) && Within(Weight, CountMax << 24);

    private static bool Within(long value, long most) => value <= most && value >= -most;
}

/// <summary>Edges in strictly ascending order with the sums of their awaited impressions, or what these changed by.</summary>
/// <param name="Keys">The edges.</param>
/// <param name="Sums">Their sums, same length.</param>
public readonly record struct PendingList(EdgeKey[] Keys, PendingSums[] Sums)
{
    /// <summary>No edges.</summary>
    public static PendingList Empty { get; } = new([], []);

    /// <summary>A list of a dictionary's entries.</summary>
    public static PendingList Of(Dictionary<EdgeKey, PendingSums> sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        if (sums.Count == 0)
            return Empty;
        var list = new PendingList(new EdgeKey[sums.Count], new PendingSums[sums.Count]);
        sums.Keys.CopyTo(list.Keys, 0);
        sums.Values.CopyTo(list.Sums, 0);
        Array.Sort(list.Keys, list.Sums);
        return list;
    }
}
