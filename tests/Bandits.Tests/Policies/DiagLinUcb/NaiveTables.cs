using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Tables added edge by edge, as obviously as possible: what pictures, deltas and partitions are held to.</summary>
internal static class NaiveTables
{
    public static EdgeTable Merge(EdgeTable left, EdgeTable right)
    {
        var period = Math.Max(left.Period, right.Period);
        return new EdgeTable(
            left.Interactions + right.Interactions, left.Refused + right.Refused, period, Math.Max(left.Newest, right.Newest), left.IsFull && right.IsFull,
            Merge(left.In(period), right.In(period)), Merge(left.In(period - 1), right.In(period - 1)))
        {
            Pending = Merge(left.Pending, right.Pending),
        };
    }

    private static PendingList Merge(PendingList left, PendingList right)
    {
        var sums = new SortedDictionary<EdgeKey, PendingSums>();
        foreach (var (key, sum) in left.Keys.Zip(left.Sums).Concat(right.Keys.Zip(right.Sums)))
            sums[key] = sums.GetValueOrDefault(key) + sum;
        var awaited = sums.Where(static s => s.Value != default).ToArray();
        return new PendingList([.. awaited.Select(static a => a.Key)], [.. awaited.Select(static a => a.Value)]);
    }

    private static EdgeList Merge(EdgeList left, EdgeList right)
    {
        var sums = new SortedDictionary<EdgeKey, EdgeSums>();
        foreach (var (key, sum) in left.Keys.Zip(left.Sums).Concat(right.Keys.Zip(right.Sums)))
            sums[key] = sums.GetValueOrDefault(key) + sum;
        return new EdgeList([.. sums.Keys], [.. sums.Values]);
    }
}
