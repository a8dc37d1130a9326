using System.Numerics.Tensors;

namespace Recsys.Bandits.Catalogue;

/// <summary>What one cluster's edges may be.</summary>
/// <param name="ItemsPerCluster">W, at least 1.</param>
/// <param name="LeaveFactor">An item that has an edge keeps it down to rank W times this, at least 1: state learned by an edge near rank W is not lost at every build.</param>
/// <param name="GroupMax">Most edges of a cluster to items of one group, such as a creator; <see cref="int.MaxValue"/> for no bound.</param>
/// <param name="FreshShare">Share of W that fresh items may claim when their inner products would not do, 0 to 1.</param>
public sealed record EdgeRules(int ItemsPerCluster, double LeaveFactor = 1.3, int GroupMax = int.MaxValue, double FreshShare = 0.2);

/// <summary>
/// The edges of one cluster in the offline graph of Online Matching (arXiv 2307.15893): the W items with the largest inner product with the centroid, with what
/// the paper's account leaves open made explicit (caps, hysteresis, a quota of fresh items).
/// </summary>
public static class EdgeSelection
{
    /// <summary>
    /// Chooses. Items in order of their inner product, equal ones by index; one whose groups are full is passed over and takes no rank. Rank 1 to W gets an edge; an item
    /// of <paramref name="earlier"/> keeps its edge down to rank W · LeaveFactor. If fewer than FreshShare · W of the chosen are fresh, the best of the other fresh
    /// items take the places of the last chosen that are neither fresh nor earlier.
    /// </summary>
    /// <param name="centroid">Length D.</param>
    /// <param name="items">Item vectors of length D; null for an item that cannot be placed.</param>
    /// <param name="groups">Per item, the groups it belongs to, numbered from 0; null for no groups.</param>
    /// <param name="fresh">Per item, whether it is fresh; null for none.</param>
    /// <param name="earlier">Items with an edge in the previous graph.</param>
    /// <param name="rules">Sizes.</param>
    /// <returns>Items, best first; W to W · LeaveFactor of them where there are as many.</returns>
    public static int[] Choose(
        ReadOnlySpan<float> centroid, IReadOnlyList<float[]?> items, IReadOnlyList<int[]>? groups, IReadOnlyList<bool>? fresh, IReadOnlySet<int> earlier, EdgeRules rules)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(earlier);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfLessThan(rules.ItemsPerCluster, 1);
        var scores = new float[items.Count];
        var placed = new List<int>(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is not { } vector)
                continue;
            scores[i] = TensorPrimitives.Dot(centroid, vector);
            placed.Add(i);
        }
        placed.Sort((a, b) => scores[a] != scores[b] ? scores[b].CompareTo(scores[a]) : a.CompareTo(b));

        var caps = new GroupCounts(groups, rules.GroupMax);
        var width = rules.ItemsPerCluster;
        var leave = (int)Math.Min(items.Count, Math.Floor(width * rules.LeaveFactor));
        var chosen = new List<int>();
        var rank = 0;
        foreach (var item in placed)
        {
            if (rank >= Math.Max(width, leave))
                break;
            if (!caps.HasRoom(item))
                continue;
            rank++;
            if (rank > width && !earlier.Contains(item))
                continue;
            chosen.Add(item);
            caps.Add(item);
        }
        if (fresh is not null)
            Claim(chosen, placed, fresh, earlier, (int)(rules.FreshShare * width), width, caps);
        chosen.Sort((a, b) => scores[a] != scores[b] ? scores[b].CompareTo(scores[a]) : a.CompareTo(b));
        return [.. chosen];
    }

    private static void Claim(
        List<int> chosen, List<int> placed, IReadOnlyList<bool> fresh, IReadOnlySet<int> earlier, int quota, int width, GroupCounts caps)
    {
        var have = chosen.Count(item => fresh[item]);
        var there = chosen.ToHashSet();
        foreach (var item in placed)
        {
            if (have >= quota)
                return;
            if (!fresh[item] || there.Contains(item) || !caps.HasRoom(item))
                continue;
            if (chosen.Count >= width)
            {
                // The worst that has neither claim nor history; an edge half explored is not given up for an unknown.
                var out_ = chosen.FindLastIndex(other => !fresh[other] && !earlier.Contains(other));
                if (out_ < 0)
                    out_ = chosen.FindLastIndex(other => !fresh[other]);
                if (out_ < 0)
                    return;
                caps.Remove(chosen[out_]);
                chosen.RemoveAt(out_);
            }
            chosen.Insert(0, item);
            caps.Add(item);
            have++;
        }
    }

    /// <summary>How many edges each group has.</summary>
    private sealed class GroupCounts(IReadOnlyList<int[]>? groups, int most)
    {
        private readonly Dictionary<int, int> _counts = [];

        public bool HasRoom(int item) => groups is null || Array.TrueForAll(groups[item], g => _counts.GetValueOrDefault(g) < most);

        public void Add(int item) => Change(item, 1);

        public void Remove(int item) => Change(item, -1);

        private void Change(int item, int by)
        {
            foreach (var group in groups?[item] ?? [])
                _counts[group] = _counts.GetValueOrDefault(group) + by;
        }
    }
}
