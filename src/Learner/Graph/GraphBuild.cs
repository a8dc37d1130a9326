using Recsys.Bandits.Catalogue;
using Recsys.Infrastructure.Events;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.Graph;

/// <summary>What to build from what.</summary>
/// <param name="Ratings">Interaction log, or null where vectors are given.</param>
/// <param name="Items">Item table, or null.</param>
/// <param name="UserVectors">Own user vectors instead of training, or null.</param>
/// <param name="ItemVectors">Own item vectors instead of training, or null.</param>
/// <param name="Clusters">C.</param>
/// <param name="Edges">Sizes of the graph.</param>
/// <param name="CapColumn">Column of the item table whose values <see cref="EdgeRules.GroupMax"/> bounds, or null.</param>
/// <param name="Training">How to train.</param>
/// <param name="Holdout">Share of each user's later interactions to test on first, 0 for no test.</param>
/// <param name="RecallAt">N of the test.</param>
/// <param name="Cold">Whether to ignore the graph that is there.</param>
/// <param name="Out">The directory.</param>
public sealed record GraphBuildOptions(
    string? Ratings, string? Items, string? UserVectors, string? ItemVectors, int Clusters, EdgeRules Edges, string? CapColumn, TwoTowerSettings Training,
    double Holdout, int RecallAt, bool Cold, string Out);

/// <summary>The offline half of Online Matching (arXiv 2307.15893, section 3): vectors, user clusters, edges, files.</summary>
public static class GraphBuild
{
    /// <summary>Builds and writes; the graph that is there stays until the new one is complete.</summary>
    /// <exception cref="GraphBuildException">The inputs cannot make a graph; nothing was written.</exception>
    public static GraphManifest Run(GraphBuildOptions options, IGraphProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        var there = GraphDirectory.Read(options.Out);
        var previous = options.Cold ? null : there?.Graph;
        var log = options.Ratings is null ? null : RatingsFile.ReadInteractions(options.Ratings);
        var table = options.Items is null ? null : ItemTable.Read(options.Items);
        CheckCap(options, table);

        HoldoutReport? holdout = null;
        NamedVectors users, items;
        if (options.UserVectors is not null)
        {
            users = VectorFile.Read(options.UserVectors);
            items = VectorFile.Read(options.ItemVectors!);
        }
        else
        {
            (users, items, holdout) = Train(options, log!, table, previous, progress, cancellation);
        }
        var dimension = users.Vectors[0].Length;
        if (items.Vectors[0].Length != dimension)
            throw new GraphBuildException($"User vectors have {dimension} numbers, item vectors have {items.Vectors[0].Length}; they must meet in one space.");
        if (options.Clusters > users.Ids.Count)
            throw new GraphBuildException($"--clusters is {options.Clusters}, but only {users.Ids.Count} users have a vector; ask for at most as many clusters.");
        foreach (var id in items.Ids)
        {
            if (Identifiers.Problem(id) is { } problem)
                throw new GraphBuildException($"Item id '{id}' {problem}");
        }
        var continued = previous is not null && previous.Centroids[0].Length == dimension;
        var centroids = UserClustering.Fit(users.Vectors, options.Clusters, options.Training.Seed, continued ? previous!.Centroids : null);
        cancellation.ThrowIfCancellationRequested();
        var rows = Edges(options, log, table, items, centroids, continued ? previous : null, out var tags);
        var graph = new BuiltGraph(users, [.. items.Ids.Select((id, i) => new GraphItem(id, items.Vectors[i], tags[i]))], centroids, rows);
        string?[] inputs = [options.Ratings, options.Items, options.UserVectors, options.ItemVectors];
        var manifest = new GraphManifest(
            GraphDirectory.Format, (there?.Manifest.Version ?? 0) + 1, dimension, users.Ids.Count, items.Ids.Count, centroids.Length, rows.Sum(static r => (long)r.Length),
            continued, Settings(options), holdout, [.. inputs.OfType<string>().Select(GraphDirectory.Stamp)], []);
        cancellation.ThrowIfCancellationRequested();
        GraphDirectory.Write(options.Out, graph, manifest);
        return manifest;
    }

    private static (NamedVectors Users, NamedVectors Items, HoldoutReport? Holdout) Train(
        GraphBuildOptions options, Ratings log, ItemTable? table, BuiltGraph? previous, IGraphProgress progress, CancellationToken cancellation)
    {
        var positives = InteractionLog.Positives(log.All, log.Rated);
        var (positiveUsers, positiveItems) = (positives.Select(static p => p.User).Distinct().Count(), positives.Select(static p => p.Item).Distinct().Count());
        if (positiveUsers < 2 || positiveItems < 2)
            throw new GraphBuildException(
                $"Training needs positives of at least 2 users and 2 items; {options.Ratings} has {positives.Length} positives of {positiveUsers} users and {positiveItems} items"
                + (log.Rated ? $" (a positive is a rating of {InteractionLog.PositiveFrom} or more)." : "."));
        if (options.Clusters > positiveUsers)
            throw new GraphBuildException($"--clusters is {options.Clusters}, but only {positiveUsers} users have a positive; ask for at most as many clusters.");
        // Items of the log first, then those that only the table knows.
        var known = log.Items.ToHashSet(StringComparer.Ordinal);
        string[] ids = [.. log.Items, .. (table?.Ids ?? []).Where(id => !known.Contains(id))];
        var dimension = options.Training.Dimension;
        if ((long)Math.Max(ids.Length, log.Users.Count) * dimension > int.MaxValue)
            throw new GraphBuildException($"{Math.Max(ids.Length, log.Users.Count):N0} ids with --dimension {dimension} are more than memory can address; choose a smaller one.");
        var content = table is null ? ItemContent.None(ids.Length) : ItemContent.Encode(table, ids);
        var total = (long)options.Training.Epochs * positives.Length;
        var holdout = options.Holdout > 0
            ? progress.Run("graph build: hold-out test", total, p => HoldoutReport.Measure(log, ids, content, options.Training, options.Holdout, options.RecallAt, p, cancellation))
            : null;
        var continued = previous is not null && previous.Centroids[0].Length == dimension;
        (float[]?[], float[]?[])? start = continued
            ? (Lookup(log.Users, previous!.Users.Ids, previous.Users.Vectors), Lookup(ids, [.. previous.Items.Select(static i => i.Id)], [.. previous.Items.Select(static i => i.Vector)]))
            : null;
        var towers = progress.Run(
            "graph build: two towers", total, p => TwoTowerTrainer.Train(log.Users.Count, positives, content, options.Training, start, p, cancellation));
        return (Known(log.Users, towers.Users), Known(ids, towers.Items), holdout);
    }

    private static int[][] Edges(
        GraphBuildOptions options, Ratings? log, ItemTable? table, NamedVectors items, float[][] centroids, BuiltGraph? previous, out string[][] tags)
    {
        var column = options.CapColumn is null ? null : table!.Columns.First(c => c.Name == options.CapColumn);
        tags = Array.ConvertAll(items.Ids.ToArray(), id => column is not null && table!.RowOf.TryGetValue(id, out var row) ? ValuesOf(column, row) : []);
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        var groups = Array.ConvertAll(tags, values => Array.ConvertAll(values, value => names.TryGetValue(value, out var n) ? n : names[value] = names.Count));
        // Fresh is what the log has never met; without a log nobody can tell.
        var met = log?.Items.ToHashSet(StringComparer.Ordinal);
        var fresh = met is null ? null : items.Ids.Select(id => !met.Contains(id)).ToArray();
        var numbers = items.Ids.Select(static (id, i) => (id, i)).ToDictionary(static x => x.id, static x => x.i, StringComparer.Ordinal);
        var rows = new int[centroids.Length][];
        Parallel.For(0, rows.Length, c =>
        {
            var earlier = previous is null || c >= previous.Rows.Length
                ? []
                : previous.Rows[c].Select(i => previous.Items[i].Id).Where(numbers.ContainsKey).Select(id => numbers[id]).ToHashSet();
            rows[c] = EdgeSelection.Choose(centroids[c], items.Vectors, column is null ? null : groups, fresh, earlier, options.Edges);
        });
        return rows;
    }

    private static string[] ValuesOf(ItemColumn column, int row) =>
        column.Values is { } values ? values[row] : column.Numbers![row] is { } number ? [number.ToString(System.Globalization.CultureInfo.InvariantCulture)] : [];

    private static void CheckCap(GraphBuildOptions options, ItemTable? table)
    {
        if (options.CapColumn is null)
            return;
        if (table is null)
            throw new GraphBuildException("--cap names a column of the item table; give --items too.");
        if (!table.Columns.Any(c => c.Name == options.CapColumn))
            throw new GraphBuildException($"--cap: {options.Items} has no column '{options.CapColumn}'. Columns: {string.Join(", ", table.Columns.Select(static c => c.Name))}.");
    }

    private static float[]?[] Lookup(IReadOnlyList<string> wanted, IReadOnlyList<string> ids, IReadOnlyList<float[]> vectors)
    {
        var byId = ids.Zip(vectors).ToDictionary(static x => x.First, static x => x.Second, StringComparer.Ordinal);
        return [.. wanted.Select(id => byId.GetValueOrDefault(id))];
    }

    private static NamedVectors Known(IReadOnlyList<string> ids, float[]?[] vectors)
    {
        var known = Enumerable.Range(0, ids.Count).Where(i => vectors[i] is not null).ToArray();
        return new NamedVectors([.. known.Select(i => ids[i])], [.. known.Select(i => vectors[i]!)]);
    }

    private static SortedDictionary<string, string> Settings(GraphBuildOptions options)
    {
        var invariant = System.Globalization.CultureInfo.InvariantCulture;
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["clusters"] = options.Clusters.ToString(invariant),
            ["items-per-cluster"] = options.Edges.ItemsPerCluster.ToString(invariant),
            ["leave-factor"] = options.Edges.LeaveFactor.ToString(invariant),
            ["fresh-share"] = options.Edges.FreshShare.ToString(invariant),
            ["seed"] = options.Training.Seed.ToString(invariant),
        };
        if (options.CapColumn is not null)
            settings["cap"] = string.Create(invariant, $"{options.CapColumn}={options.Edges.GroupMax}");
        if (options.UserVectors is null)
        {
            settings["epochs"] = options.Training.Epochs.ToString(invariant);
            settings["temperature"] = options.Training.Temperature.ToString(invariant);
            settings["learning-rate"] = options.Training.LearningRate.ToString(invariant);
            settings["batch"] = options.Training.Batch.ToString(invariant);
            settings["id-dropout"] = options.Training.IdDropout.ToString(invariant);
        }
        return settings;
    }
}

/// <summary>Shows how far the long parts of a build are.</summary>
public interface IGraphProgress
{
    /// <summary>Runs one part.</summary>
    /// <param name="title">For people.</param>
    /// <param name="total">The number that means done, at least 1.</param>
    /// <param name="work">Receives the progress to report to.</param>
    T Run<T>(string title, long total, Func<IProgress<long>, T> work);
}
