using System.CommandLine;
using System.Text.Json.Serialization;
using Recsys.Learner.Simulation.Stream;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate stream</c>: see contract section 4.</summary>
internal sealed class SimulateStreamCommand : Command, IExplainedCommand
{
    private readonly Option<string> _data = new("--data")
    {
        Description = "CSV file, plain or gzip: header line, one row per event in the order of time.",
        HelpName = "file",
        Required = true,
    };

    private readonly Option<string> _label = new("--label")
    {
        Description = "The column to predict: two values are click and no click, more are items.",
        HelpName = "column",
        Required = true,
    };

    private readonly Option<string[]> _ignore = new("--ignore")
    {
        Description = "A column that nobody may see, because it is known only afterwards or names the answer; repeat for more.",
        HelpName = "column",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _categorical = new("--categorical")
    {
        Description = "A column of categories that look like numbers; repeat for more. Columns named as ids (userId, CustomerID, item_id) need not be listed.",
        HelpName = "column",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _time = new("--time")
    {
        Description = "The column of the event time: Unix seconds or milliseconds, or a date and time. It is no feature then. Without it a row takes a second.",
        HelpName = "column",
    };

    private readonly Option<string> _policy = SimulationOptions.Policy();
    private readonly Option<long> _seed = SimulationOptions.Seed();

    private readonly Option<int> _publishEvery = Rows(
        "--publish-every", "Rows learned and published together: predictions know all but at most so many of the rows before.", StreamOptions.PublishEveryDefault);

    private readonly Option<int> _recent = Rows(
        "--recent", "Rows whose items may be drawn as the one that was not chosen, where the label is an item.", StreamOptions.RecentDefault);

    private readonly Option<string> _memory = SimulationOptions.Memory();
    private readonly Option<string[]> _memorySet = SimulationOptions.MemorySet();
    private readonly Option<string[]> _set = SimulationOptions.Set();
    private readonly Option<bool> _json = SimulationOptions.Json();

    /// <summary>The command.</summary>
    public SimulateStreamCommand()
        : base("stream", "Click prediction in the order of a log: each row is predicted, scored, then learned. For drift.")
    {
        _policy.Required = false;
        _policy.DefaultValueFactory = static _ => StreamOptions.PolicyDefault;
        foreach (Option option in new Option[] { _data, _label, _ignore, _categorical, _time, _policy, _seed, _publishEvery, _recent, _memory, _memorySet, _set, _json })
            Add(option);
        // On a pool thread, so that Ctrl+C can cancel it.
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    /// <inheritdoc/>
    public void Explain(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine($"""
            How it works:
              Every row is one offer (two where the label is an item). Numeric columns are the context vector as they are, every other column is a hashed category.
              Scaling is the policy's. A missing number is the mean of the numbers before it. Numbers are categories too where the column is named as an id is, or
              where whole numbers have more than 15 digits. What predicts is the policy's estimate for the offer, learned and published as in the service. An error memory learns every row at
              once, as the service's does, and does not wait for --publish-every.

            The label:
              Two values: the click is the one that says yes (1, true, t, yes, y, click, clicked, positive, pos, in any case); where neither or both do, the larger
              number, or else the later in ordinal order.
              More values: each is an item. A row is a click on its item, and beside it, in random order, stands the same offer with an item that was not chosen,
              drawn from those of the last --recent rows in proportion to how many of these rows it has, to the power 3/4. Both are predicted before either is
              learned. Ignore whatever else names the item.

            Result (--json: one object on the last line):
              logLoss             mean log loss, natural logarithm; probabilities are taken to be within [{StreamScore.LeastProbability}, {1 - StreamScore.LeastProbability}]
              auc                 area under the ROC curve, ties counted half; null where all rows have one label
              rows                rows of the file
              tenths              logLoss, auc, rows, clickRate, runningMeanLogLoss, recentMeanLogLoss of each tenth of the rows
              runningMeanLogLoss  the same of predicting the share of clicks so far
              recentMeanLogLoss   the same of predicting the share of clicks among about the last {StreamScore.RecentOffers} offers
              policy, label, positive, items, offers, clicks, features   what ran
              seconds             wall time of the rows, reading the file not counted
              learnedPerSecond    offers per second of learning, publishing not counted

            Unless --set says otherwise, kinds that have these parameters run with {string.Join(", ", StreamOptions.NeuralDefaults.Select(static set => $"{set.Key}={set.Value}"))}: probabilities are wanted, and clicks
            are noise for the most part, which a network that replays each of them as often as suits a bandit would learn by heart.

            """);
        HelpWithParameters.WritePolicyParameters(output);
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var columns = new StreamColumns(
            parsed.GetRequiredValue(_label), parsed.GetValue(_ignore) ?? [], parsed.GetValue(_categorical) ?? [], parsed.GetValue(_time));
        var options = new StreamOptions(
            parsed.GetRequiredValue(_policy), parsed.GetValue(_seed), parsed.GetValue(_publishEvery), parsed.GetValue(_recent),
            SimulationOptions.Pairs(parsed.GetValue(_set)),
            SimulationOptions.Memory(parsed.GetValue(_memory), parsed.GetValue(_memorySet)));
        StreamSimulation.Check(options);
        var table = StreamFile.Read(parsed.GetRequiredValue(_data), columns);
        var result = ProgressReporter.Run(
            parsed.InvocationConfiguration.Error, $"simulate {options.Policy}", table.Rows,
            progress => StreamSimulation.Run(table, options, progress, cancellation));
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(_json))
            ResultWriter.WriteJson(output, result, StreamJsonContext.Default.StreamResult);
        else
            ResultWriter.WriteTable(output, result, StreamJsonContext.Default.StreamResult);
        return 0;
    }

    private static Option<int> Rows(string name, string description, int byDefault) => SimulationOptions.Bounded(
        new Option<int>(name) { Description = description, HelpName = "rows", DefaultValueFactory = _ => byDefault }, 1, StreamOptions.RowsMax);
}

/// <summary>The JSON shape of the result.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StreamResult))]
internal sealed partial class StreamJsonContext : JsonSerializerContext;
