using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using Recsys.Bandits.Catalogue;
using Recsys.Learner.Graph;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.CommandLine;

/// <summary>The JSON shape of <c>graph build</c>; the recalls are null without <c>--holdout</c>.</summary>
/// <param name="Out">The directory.</param>
/// <param name="Version">Of the graph in it.</param>
/// <param name="Users">Users with a vector.</param>
/// <param name="Items">Items with a vector.</param>
/// <param name="Clusters">Centroids.</param>
/// <param name="Edges">Edges.</param>
/// <param name="Dimension">Length of the vectors.</param>
/// <param name="WarmStart">Whether it continues the graph that it replaces.</param>
/// <param name="RecallAt">N.</param>
/// <param name="HeldOutUsers">Users tested.</param>
/// <param name="RecallTwoTower">Recall@N of the towers.</param>
/// <param name="RecallPopularity">Recall@N of the most popular items.</param>
/// <param name="RecallRatingFactorization">Recall@N of factorised ratings.</param>
/// <param name="RecallImplicitFactorization">Recall@N of factorised ones and sampled zeros.</param>
/// <param name="Seconds">Wall time.</param>
internal sealed record GraphBuildResult(
    string Out, long Version, int Users, int Items, int Clusters, long Edges, int Dimension, bool WarmStart, int? RecallAt, int? HeldOutUsers, double? RecallTwoTower,
    double? RecallPopularity, double? RecallRatingFactorization, double? RecallImplicitFactorization, double Seconds);

/// <summary>The JSON shape of the result.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(GraphBuildResult))]
internal sealed partial class GraphBuildJsonContext : JsonSerializerContext;

/// <summary><c>graph</c>: see contract section 4.</summary>
public static class GraphCommand
{
    /// <summary>The verb with its parts.</summary>
    public static Command Create() => new("graph", "The offline half of a catalogue: who belongs together and what they may be shown.") { new GraphBuildCommand() };
}

/// <summary><c>graph build</c>: see contract section 4.</summary>
internal sealed class GraphBuildCommand : Command, IExplainedCommand
{
    private readonly Option<string?> _ratings = File(
        "--ratings", "Interaction log, plain or gzip: user, item and, if there are, rating and timestamp, in any spelling and order. A positive is a rating of 4 or more, "
        + "or every row where there is no rating.");

    private readonly Option<string?> _items = File(
        "--items", "Item table with a header: an id column, the others numeric or categorical (several values as a|b). Gives items the log does not know a place.");

    private readonly Option<string?> _userVectors = File("--user-vectors", "Own user vectors instead of training: id and numbers per line. With --item-vectors.");
    private readonly Option<string?> _itemVectors = File("--item-vectors", "Own item vectors instead of training: id and numbers per line. With --user-vectors.");
    private readonly Option<int> _clusters = Whole("--clusters", "User clusters C; the service takes at most 60,000.", null, 1, 60_000);
    private readonly Option<int> _itemsPerCluster = Whole("--items-per-cluster", "Edges per cluster W.", null, 1, 100_000);
    private readonly Option<string> _out = new("--out") { Description = "Directory of the graph; one that is there is continued and replaced.", HelpName = "directory", Required = true };
    private readonly Option<int> _dimension = Whole("--dimension", "Length of the vectors.", 64, 1, 512);
    private readonly Option<int> _epochs = Whole("--epochs", "Passes over the positives.", 20, 1, 10_000);
    private readonly Option<int> _batch = Whole("--batch", "Positives per step; the others of the batch are the negatives.", 512, 2, 8192);
    private readonly Option<double> _temperature = Real("--temperature", "Temperature of the training softmax.", 0.2, 0.01, 10);
    private readonly Option<double> _rate = Real("--learning-rate", "Step size of Adagrad.", 0.05, 1e-5, 10);
    private readonly Option<double> _holdout = Real("--holdout", "Share of each user's latest interactions to test on before the graph is trained on all; 0: no test.", 0, 0, 0.9);
    private readonly Option<int> _recallAt = Whole("--recall-at", "N of recall@N.", 50, 1, 10_000);
    private readonly Option<double> _freshShare = Real("--fresh-share", "Share of W reserved for items of the table that the log has never met.", 0.2, 0, 1);

    private readonly Option<string?> _cap = new("--cap")
    {
        Description = "At most n edges of a cluster to items of one value of a column of --items, for example creator=5.",
        HelpName = "column=n",
    };

    private readonly Option<bool> _cold = new("--cold") { Description = "Do not continue the graph that is in the directory: cluster ids get a new meaning." };
    private readonly Option<long> _seed = SimulationOptions.Seed();
    private readonly Option<bool> _json = SimulationOptions.Json();

    /// <summary>The command.</summary>
    public GraphBuildCommand()
        : base("build", "Interaction log to vectors, user clusters and the sparse graph of Online Matching, as files that the service takes.")
    {
        foreach (Option option in new Option[]
        {
            _ratings, _clusters, _itemsPerCluster, _out, _items, _userVectors, _itemVectors, _dimension, _epochs, _batch, _temperature, _rate, _holdout, _recallAt, _freshShare,
            _cap, _cold, _seed, _json,
        })
            Add(option);
        // On a pool thread, so that Ctrl+C can cancel it.
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    /// <inheritdoc/>
    public void Explain(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("""
            How it works:
              1. Two towers: a vector per user; per item a vector of its own plus those of its content. Softmax over the items of a batch, corrected
                 for how often each is sampled. All cores work; the same seed gives the same bits however many there are.
              2. Users to clusters by spherical k-means.
              3. Each cluster gets edges to the W items with the largest inner product with its centroid, under --cap and --fresh-share.
              If the directory holds a graph, vectors and centroids start from it, so that cluster ids keep their meaning, and an item that has an edge
              keeps it down to rank 1.3 W.

            Files, written aside and swapped in whole:
              graph.json       version, sizes, settings, recall, hashes of inputs and files
              clusters.json    body of PUT /v1/experiments/{experiment}/clusters: centroids and edges, served as they are
              items.jsonl      one entry per line for the "items" of POST /v1/experiments/{experiment}/items
              users.csv        vectors for context.vector of decision requests
              edges.csv        the edges of clusters.json as a table: cluster, item, rank
              Put the items first, then the clusters. What the graph does not name, such as items put later, competes for the places that the experiment's
              itemsPerCluster leaves, a fifth of it at least. Clusters that go on keep their ids in the service, and what was learned about them.
              The experiment needs features.context.vector and features.action.vector equal to --dimension, and candidates "catalogue".

            Result (--json: one object on the last line):
              out, version, users, items, clusters, edges, dimension, warmStart   what there is now
              recallAt, heldOutUsers, recallTwoTower, recallPopularity, recallRatingFactorization, recallImplicitFactorization
                               recall@N on the held-out later positives among items the user had not met; null without --holdout
              seconds          wall time
            """);
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var started = Stopwatch.GetTimestamp();
        GraphManifest manifest;
        try
        {
            manifest = GraphBuild.Run(Wanted(parsed), new Shown(error), cancellation);
        }
        catch (Exception e) when (e is GraphBuildException or DataFileException)
        {
            throw new SimulationOptionsException(e.Message, e);
        }
        var tested = manifest.Holdout;
        var result = new GraphBuildResult(
            parsed.GetRequiredValue(_out), manifest.Version, manifest.Users, manifest.Items, manifest.Clusters, manifest.Edges, manifest.Dimension, manifest.WarmStart,
            tested?.At, tested?.Users, tested?.TwoTower, tested?.Popularity, tested?.RatingFactorization, tested?.ImplicitFactorization,
            Stopwatch.GetElapsedTime(started).TotalSeconds);
        if (parsed.GetValue(_json))
            ResultWriter.WriteJson(output, result, GraphBuildJsonContext.Default.GraphBuildResult);
        else
            ResultWriter.WriteTable(output, result, GraphBuildJsonContext.Default.GraphBuildResult);
        return 0;
    }

    private GraphBuildOptions Wanted(ParseResult parsed)
    {
        var (ratings, users, items) = (parsed.GetValue(_ratings), parsed.GetValue(_userVectors), parsed.GetValue(_itemVectors));
        if (users is null != items is null)
            throw new GraphBuildException("--user-vectors and --item-vectors go together.");
        if (ratings is null && users is null)
            throw new GraphBuildException("--ratings is needed, or --user-vectors and --item-vectors.");
        if (users is not null && parsed.GetValue(_holdout) > 0)
            throw new GraphBuildException("--holdout tests training; it does not go with own vectors.");
        string? capColumn = null;
        var capMax = int.MaxValue;
        if (parsed.GetValue(_cap) is { } cap)
        {
            var at = cap.LastIndexOf('=');
            if (at <= 0 || !int.TryParse(cap.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out capMax) || capMax < 1)
                throw new GraphBuildException($"--cap takes column=n with n of at least 1, not '{cap}'.");
            capColumn = cap[..at];
        }
        var training = new TwoTowerSettings(
            parsed.GetValue(_dimension), parsed.GetValue(_epochs), parsed.GetValue(_seed), (float)parsed.GetValue(_temperature), (float)parsed.GetValue(_rate),
            parsed.GetValue(_batch));
        return new GraphBuildOptions(
            ratings, parsed.GetValue(_items), users, items, parsed.GetValue(_clusters),
            new EdgeRules(parsed.GetValue(_itemsPerCluster), GroupMax: capMax, FreshShare: parsed.GetValue(_freshShare)), capColumn, training,
            parsed.GetValue(_holdout), parsed.GetValue(_recallAt), parsed.GetValue(_cold), parsed.GetRequiredValue(_out));
    }

    private static Option<string?> File(string name, string description) => new(name) { Description = description, HelpName = "file" };

    private static Option<int> Whole(string name, string description, int? byDefault, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "n", Required = byDefault is null };
        if (byDefault is { } value)
            option.DefaultValueFactory = _ => value;
        return Within(option, least, most);
    }

    private static Option<double> Real(string name, string description, double byDefault, double least, double most) =>
        Within(new Option<double>(name) { Description = description, HelpName = "x", DefaultValueFactory = _ => byDefault }, least, most);

    private static Option<T> Within<T>(Option<T> option, double least, double most)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1
                && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value)
                && !(value >= least && value <= most))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be between {least} and {most}, not {value}."));
        });
        return option;
    }

    private sealed class Shown(TextWriter error) : IGraphProgress
    {
        public T Run<T>(string title, long total, Func<IProgress<long>, T> work) => ProgressReporter.Run(error, title, total, work);
    }
}
