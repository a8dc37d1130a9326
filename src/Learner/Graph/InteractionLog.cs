using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.Graph;

/// <summary>One positive interaction.</summary>
/// <param name="User">Index of the user.</param>
/// <param name="Item">Index of the item.</param>
public readonly record struct Positive(int User, int Item);

/// <summary>What the later part of a log is used for: a question of each user.</summary>
/// <param name="Earlier">Ratings before each user's cut, in the file's order.</param>
/// <param name="HeldOut">Per user, the items of the positives after the cut that the user had not met before it; ascending, distinct.</param>
public sealed record LaterSplit(IReadOnlyList<Rating> Earlier, int[][] HeldOut);

/// <summary>Pure views of an interaction log.</summary>
public static class InteractionLog
{
    /// <summary>Ratings from here on are positives.</summary>
    public const float PositiveFrom = 4;

    /// <summary>The distinct pairs of user and item with a positive, in order of first appearance. Without a rating column every row is one.</summary>
    public static Positive[] Positives(IEnumerable<Rating> rows, bool rated)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var seen = new HashSet<Positive>();
        var positives = new List<Positive>();
        foreach (var row in rows)
        {
            var pair = new Positive(row.User, row.Item);
            if ((!rated || row.Value >= PositiveFrom) && seen.Add(pair))
                positives.Add(pair);
        }
        return [.. positives];
    }

    /// <summary>
    /// Splits every user's rows in time: the last share of them is later, at least one where the user has two rows. Rows of one time keep the file's order.
    /// </summary>
    /// <param name="log">The log.</param>
    /// <param name="share">Share of each user's rows that is held out, above 0 and below 1.</param>
    public static LaterSplit Split(Ratings log, double share)
    {
        ArgumentNullException.ThrowIfNull(log);
        if (!(share > 0 && share < 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "The held-out share is above 0 and below 1.");
        var rowsOf = new List<int>[log.Users.Count];
        for (var i = 0; i < log.All.Count; i++)
            (rowsOf[log.All[i].User] ??= []).Add(i);
        var isLater = new bool[log.All.Count];
        var heldOut = new int[log.Users.Count][];
        for (var user = 0; user < rowsOf.Length; user++)
        {
            // OrderBy is stable.
            var rows = rowsOf[user] is { } list ? list.OrderBy(i => log.All[i].Time).ToArray() : [];
            var later = rows.Length < 2 ? 0 : Math.Clamp((int)Math.Round(share * rows.Length), 1, rows.Length - 1);
            var met = rows[..^later].Select(i => log.All[i].Item).ToHashSet();
            foreach (var row in rows[^later..])
                isLater[row] = true;
            heldOut[user] =
            [
                .. rows[^later..].Select(i => log.All[i]).Where(r => (!log.Rated || r.Value >= PositiveFrom) && !met.Contains(r.Item))
                    .Select(static r => r.Item).Distinct().Order(),
            ];
        }
        return new LaterSplit([.. log.All.Where((_, i) => !isLater[i])], heldOut);
    }
}
