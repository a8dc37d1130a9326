using System.Diagnostics;
using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>What to simulate.</summary>
/// <param name="Policy">Kind of the policy.</param>
/// <param name="Seed">Of the items drawn and their order.</param>
/// <param name="PublishEvery">Rows learned and published together, at least 1.</param>
/// <param name="Recent">Rows whose items may be drawn as not chosen, at least 1.</param>
/// <param name="Parameters">Hyperparameters that differ from the defaults.</param>
/// <param name="Memory">Corrects what the policy expects; null for none.</param>
public sealed record StreamOptions(
    string Policy = StreamOptions.PolicyDefault,
    long Seed = 1,
    int PublishEvery = StreamOptions.PublishEveryDefault,
    int Recent = StreamOptions.RecentDefault,
    IReadOnlyList<KeyValuePair<string, string>>? Parameters = null,
    MemoryOptions? Memory = null)
{
    /// <summary>The kind when none is given.</summary>
    public const string PolicyDefault = "neu-fast-cb";

    /// <summary>Rows between two publications when nothing is said.</summary>
    public const int PublishEveryDefault = 50;

    /// <summary>Rows whose items are drawn when nothing is said.</summary>
    public const int RecentDefault = 10_000;

    /// <summary>
    /// Parameters that this verb sets for the kinds that have them, unless told otherwise. Probabilities are wanted, so their loss is minimised. Clicks are noise for the most
    /// part: a network that replays each of them forty times, as suits a bandit whose rewards say which action is right, learns them by heart and bets on it. Eight rows a step
    /// and a stronger pull back cost nothing where labels are clear. Chosen on bank-additional-full and deskdrop; docs/stream.md has the others.
    /// </summary>
    public static IReadOnlyList<KeyValuePair<string, string>> NeuralDefaults { get; } =
        [KeyValuePair.Create("loss", "log"), KeyValuePair.Create("batch", "8"), KeyValuePair.Create("pull", "1")];

    /// <summary>Most rows of either.</summary>
    public const int RowsMax = 1_000_000;
}

/// <summary>What came out; the JSON object of <c>simulate stream</c>.</summary>
/// <param name="LogLoss">Mean log loss of all offers, each predicted before it was learned.</param>
/// <param name="Auc">Area under the ROC curve of all offers.</param>
/// <param name="Rows">Rows of the stream.</param>
/// <param name="Tenths">Both by tenth of the rows, with what knowing only the share of clicks would have lost.</param>
/// <param name="RunningMeanLogLoss">Log loss of predicting the share of clicks so far.</param>
/// <param name="RecentMeanLogLoss">Log loss of predicting the share of clicks of late.</param>
/// <param name="Policy">What predicted.</param>
/// <param name="Label">The column that was predicted.</param>
/// <param name="Positive">The label that is a click; null where the labels are items.</param>
/// <param name="Items">Distinct items; null where the labels are clicks.</param>
/// <param name="Offers">Predictions scored: one per row, and one more for each item drawn as not chosen.</param>
/// <param name="Clicks">Offers clicked.</param>
/// <param name="Features">Numeric columns and distinct categories.</param>
/// <param name="Seconds">Wall time of the rows, reading the file not counted.</param>
/// <param name="LearnedPerSecond">Offers per second of learning, publishing not counted.</param>
public sealed record StreamResult(
    double LogLoss,
    double? Auc,
    int Rows,
    IReadOnlyList<StreamTenth> Tenths,
    double RunningMeanLogLoss,
    double RecentMeanLogLoss,
    string Policy,
    string Label,
    string? Positive,
    int? Items,
    int Offers,
    long Clicks,
    int Features,
    double Seconds,
    double LearnedPerSecond);

/// <summary>
/// Prequential click prediction in the order of a log: each row is predicted, scored, then learned, so that nothing is ever scored that was seen (Dawid 1984), and how the
/// losses go over the stream shows how a predictor bears that the world moves. Everything but the times is a pure function of table and options.
/// </summary>
public static class StreamSimulation
{
    private const ulong NegativesPurpose = 11;
    private const int ProgressEvery = 64;
    private static readonly byte[] OnlyOffer = "offer"u8.ToArray();

    /// <summary>Refuses what cannot run, before anything is read.</summary>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters; the message says all that is wrong.</exception>
    public static void Check(StreamOptions options) => Configure(options, new FeatureSchema());

    /// <summary>Runs a policy through the stream.</summary>
    /// <param name="table">The stream.</param>
    /// <param name="options">What to simulate.</param>
    /// <param name="progress">Receives the rows done.</param>
    /// <param name="cancellation">Ends the run early.</param>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters; the message says all that is wrong.</exception>
    public static StreamResult Run(StreamTable table, StreamOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(options);
        var spec = Configure(options, table.Schema);
        // A row of an item stream is two offers, nearly always.
        var batch = checked(options.PublishEvery * (table.Positive is null ? 2 : 1));
        var loop = new SimulatedLoop(spec, delay: 0, batch, options.Seed, options.Memory);
        var started = Stopwatch.GetTimestamp();
        var score = Score(table, new PolicyPredictor(loop), options, progress, cancellation);
        var whole = score.Whole();
        return new StreamResult(
            whole.LogLoss!.Value, whole.Auc, table.Rows, score.Tenths(), whole.RunningMeanLogLoss!.Value, whole.RecentMeanLogLoss!.Value,
            options.Policy, table.Label, table.Positive is { } positive ? table.Values[positive] : null, table.Positive is null ? table.Values.Count : null,
            score.Offers, score.Clicks, table.Features, Stopwatch.GetElapsedTime(started).TotalSeconds, loop.LearnedPerSecond);
    }

    /// <summary>Asks a predictor about every offer of the stream and tells it what came.</summary>
    /// <param name="table">The stream.</param>
    /// <param name="predictor">Starts knowing nothing.</param>
    /// <param name="options">Seed and window of the items drawn.</param>
    /// <param name="progress">Receives the rows done.</param>
    /// <param name="cancellation">Ends the run early.</param>
    public static StreamScore Score(
        StreamTable table, IClickPredictor predictor, StreamOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(options);
        var score = new StreamScore(table.Rows);
        var candidates = table.Positive is null
            ? table.Values.Select(id => Item(table.Label, id)).ToArray()
            : [new Candidate(OnlyOffer, ActionKey.Of(OnlyOffer), FeatureSet.Empty)];
        var recent = table.Positive is null ? new RecentItems(table.Values.Count, options.Recent) : null;
        var random = SeededRandom.For(options.Seed, NegativesPurpose);
        var offers = new (Offer Offer, bool Clicked)[2];

        for (var row = 0; row < table.Rows; row++)
        {
            if (row % ProgressEvery == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(row);
            }
            var (context, time, label) = (table.Encode(row), table.TimeOf(row), table.Labels[row]);
            var count = 1;
            if (recent is null)
            {
                offers[0] = (new Offer(context, candidates[0], time), label == table.Positive);
            }
            else
            {
                offers[0] = (new Offer(context, candidates[label], time), true);
                if (recent.TryDraw(random, label, out var drawn))
                    offers[count++] = (new Offer(context, candidates[drawn], time), false);
                if (count == 2 && random.NextUniform() < 0.5)
                    (offers[0], offers[1]) = (offers[1], offers[0]);
                recent.Add(label);
            }
            // All offers of a row are predicted before any is learned: of two, exactly one is clicked, and to know one would be to know the other.
            foreach (var (offer, clicked) in offers.AsSpan(0, count))
                score.Add(row, predictor.Predict(offer), clicked);
            foreach (var (offer, clicked) in offers.AsSpan(0, count))
                predictor.Learn(offer, clicked);
        }
        progress?.Report(table.Rows);
        return score;
    }

    private static PolicySpec Configure(StreamOptions options, FeatureSchema features)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Policy == "uniform"
            ? throw new SimulationOptionsException("'uniform' predicts nothing. What knowing only the share of clicks would lose is part of every result.")
            : PolicyOptions.Configure(options.Policy, WithDefaults(options.Policy, options.Parameters ?? []), features);
    }

    private static Candidate Item(string label, string id)
    {
        var text = Encoding.UTF8.GetBytes(id);
        return new Candidate(text, ActionKey.Of(text), new FeatureSet(new[] { new SparseFeature(FeatureHash.Of("", label, id), 1) }, default));
    }

    /// <summary>What is given, after what differs here from a kind's own defaults where it has such a parameter; the later of two counts.</summary>
    private static IEnumerable<KeyValuePair<string, string>> WithDefaults(string policy, IReadOnlyList<KeyValuePair<string, string>> given) =>
        PolicyCatalog.Kinds.TryGetValue(policy, out var kind)
            ? StreamOptions.NeuralDefaults.Where(set => kind.Hyperparameters.Any(h => h.Name == set.Key && h.Check(set.Value) is null)).Concat(given)
            : given;
}
