using System.Text.Json;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;
using Recsys.Learner.CommandLine;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Stream;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation.Stream;

public sealed class StreamSimulationTests
{
    // Entropy of a coin that shows one side with probability 0.8: nobody who knows the colour can lose less.
    private const double Attainable = 0.5004;

    public static TheoryData<string> Kinds => [.. PolicyCatalog.Kinds.Keys.Where(static kind => kind != "uniform")];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_same_seed_gives_the_same_result(string kind)
    {
        var table = StreamTables.Read(StreamTables.Chosen(300, 1), new StreamColumns("item"));
        var options = new StreamOptions(kind, Seed: 5, PublishEvery: 20, Recent: 100);
        var first = WithoutTimes(StreamSimulation.Run(table, options));
        Assert.Equal(first, WithoutTimes(StreamSimulation.Run(table, options)));
    }

    [Fact]
    public void Run_another_seed_draws_other_items()
    {
        var table = StreamTables.Read(StreamTables.Chosen(300, 1), new StreamColumns("item"));
        Assert.NotEqual(
            WithoutTimes(StreamSimulation.Run(table, new StreamOptions("epsilon-greedy", Seed: 5))),
            WithoutTimes(StreamSimulation.Run(table, new StreamOptions("epsilon-greedy", Seed: 6))));
    }

    [Theory]
    [InlineData("neu-fast-cb")]
    [InlineData("neural-linear")]
    public void Run_follows_a_stream_that_turns_round(string kind)
    {
        var table = StreamTables.Read(StreamTables.Drifting(8000, 1), new StreamColumns("click"));
        var result = StreamSimulation.Run(table, new StreamOptions(kind, PublishEvery: 20));
        Assert.Equal("1", result.Positive);
        Assert.InRange(result.Tenths[4].LogLoss!.Value, 0, Attainable + 0.05);
        Assert.InRange(result.Tenths[4].Auc!.Value, 0.75, 0.85);
        // The turn costs, and is learned.
        Assert.InRange(result.Tenths[5].LogLoss!.Value, result.Tenths[4].LogLoss!.Value + 0.03, 3);
        Assert.InRange(result.Tenths[9].LogLoss!.Value, 0, Attainable + 0.1);
        Assert.InRange(result.Tenths[9].Auc!.Value, 0.7, 0.85);
        // Neither share of clicks knows the colour.
        Assert.InRange(result.RunningMeanLogLoss, 0.69, 0.70);
        Assert.InRange(result.RecentMeanLogLoss, 0.69, 0.70);
    }

    [Theory]
    [InlineData("neu-fast-cb")]
    [InlineData("epsilon-greedy")]
    public void Run_with_a_memory_follows_a_turn_sooner_and_repeats_itself(string kind)
    {
        var table = StreamTables.Read(StreamTables.Drifting(4000, 1), new StreamColumns("click"));
        var options = new StreamOptions(kind, PublishEvery: 20, Memory: new MemoryOptions(new MemoryShape(16, 8), Window: 300));
        var with = StreamSimulation.Run(table, options);
        Assert.Equal(WithoutTimes(with), WithoutTimes(StreamSimulation.Run(table, options)));
        var without = StreamSimulation.Run(table, options with { Memory = null });
        Assert.InRange(with.Tenths[5].LogLoss!.Value, 0, without.Tenths[5].LogLoss!.Value - 0.03);
        Assert.InRange(with.LogLoss, 0, without.LogLoss);
    }

    [Fact]
    public void Run_learns_who_chooses_which_items()
    {
        var table = StreamTables.Read(StreamTables.Chosen(6000, 1), new StreamColumns("item"));
        var result = StreamSimulation.Run(table, new StreamOptions());
        Assert.Equal((20, null), (result.Items!.Value, result.Positive));
        // The first row has nothing to be compared with; every other has one item that was not chosen.
        Assert.Equal((6000, 11_999, 6000L), (result.Rows, result.Offers, result.Clicks));
        // About half of the drawn items are of the person's own half, and cannot be told from the chosen: at best 0.75 of the pairs are in order.
        Assert.InRange(result.Tenths[9].Auc!.Value, 0.68, 0.80);
        Assert.InRange(result.Tenths[9].LogLoss!.Value, 0.3, 0.62);
        Assert.InRange(result.RunningMeanLogLoss, 0.69, 0.70);
    }

    [Fact]
    public void Score_predicts_a_row_before_any_of_it_is_learned_and_tells_in_order()
    {
        var table = StreamTables.Read(StreamTables.Chosen(200, 1), new StreamColumns("item"));
        var predictor = new Recorder();
        var score = StreamSimulation.Score(table, predictor, new StreamOptions(Seed: 3), null, TestContext.Current.CancellationToken);
        Assert.Equal(score.Offers, predictor.Told);
        Assert.Equal(200, score.Clicks);
        // The place of the chosen item says nothing: about half of the rows begin with it.
        Assert.InRange(predictor.ClickedFirst, 70, 130);
        Assert.Equal(0.5, score.Whole().Auc);
        Assert.Equal(Math.Log(2), score.Whole().LogLoss!.Value, 1e-9);
    }

    [Fact]
    public void Recent_items_are_drawn_in_proportion_to_their_rows_to_the_power_of_three_quarters()
    {
        // Item 3 has left the window, item 2 is the chosen one.
        var recent = new RecentItems(4, window: 20);
        for (var i = 0; i < 5; i++)
            recent.Add(3);
        for (var i = 0; i < 20; i++)
            recent.Add(i < 16 ? 0 : i < 19 ? 2 : 1);
        var random = SeededRandom.For(1, 1);
        var drawn = new int[4];
        const int draws = 20_000;
        for (var i = 0; i < draws; i++)
        {
            Assert.True(recent.TryDraw(random, 2, out var item));
            drawn[item]++;
        }
        Assert.Equal(0, drawn[2] + drawn[3]);
        // 16^¾ = 8 against 1; five deviations of a binomial.
        var expected = draws * 8 / 9.0;
        Assert.InRange(drawn[0], expected - 5 * Math.Sqrt(expected / 9), expected + 5 * Math.Sqrt(expected / 9));
    }

    [Fact]
    public void Recent_items_have_nothing_to_draw_when_there_is_no_other()
    {
        var recent = new RecentItems(2, window: 2);
        var random = SeededRandom.For(1, 1);
        Assert.False(recent.TryDraw(random, 0, out _));
        recent.Add(0);
        Assert.False(recent.TryDraw(random, 0, out _));
        Assert.True(recent.TryDraw(random, 1, out var drawn));
        Assert.Equal(0, drawn);
        recent.Add(1);
        recent.Add(1);
        Assert.False(recent.TryDraw(random, 1, out _));
    }

    [Fact]
    public void Loss_is_log_unless_set_otherwise()
    {
        var table = StreamTables.Read(StreamTables.Drifting(300, 1), new StreamColumns("click"));
        string Result(string kind, params KeyValuePair<string, string>[] set) => WithoutTimes(StreamSimulation.Run(table, new StreamOptions(kind, Parameters: set)));
        Assert.Equal(Result("neu-square-cb"), Result("neu-square-cb", KeyValuePair.Create("loss", "log")));
        Assert.NotEqual(Result("neu-square-cb"), Result("neu-square-cb", KeyValuePair.Create("loss", "square")));
        Assert.NotEqual(Result("neu-fast-cb"), Result("neu-fast-cb", KeyValuePair.Create("batch", "64")));
    }

    [Fact]
    public void Run_stops_when_cancelled()
    {
        var table = StreamTables.Read(StreamTables.Drifting(100, 1), new StreamColumns("click"));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => StreamSimulation.Run(table, new StreamOptions(), null, cancelled.Token));
    }

    [Fact]
    public async Task Simulate_stream_json_is_the_last_line_with_the_fields_of_the_contract_first()
    {
        using var file = new TemporaryFile(StreamTables.Drifting(200, 1), zipped: true);
        var (code, output, error) = await Run("simulate", "stream", "--data", file.Path, "--label", "click", "--ignore", "size", "--json");
        Assert.Equal(0, code);
        Assert.Contains("100 %", error, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(
            ["logLoss", "auc", "rows", "tenths", "runningMeanLogLoss", "recentMeanLogLoss", "policy", "label", "positive", "items", "offers", "clicks", "features",
                "seconds", "learnedPerSecond"],
            json.RootElement.EnumerateObject().Select(static p => p.Name));
        Assert.Equal(200, json.RootElement.GetProperty("rows").GetInt32());
        Assert.Equal("neu-fast-cb", json.RootElement.GetProperty("policy").GetString());
        Assert.Equal(2, json.RootElement.GetProperty("features").GetInt32());
        Assert.Equal(10, json.RootElement.GetProperty("tenths").GetArrayLength());
        foreach (var tenth in json.RootElement.GetProperty("tenths").EnumerateArray())
            Assert.Equal(
                ["logLoss", "auc", "rows", "clickRate", "runningMeanLogLoss", "recentMeanLogLoss"], tenth.EnumerateObject().Select(static p => p.Name));
    }

    [Theory]
    [InlineData("--label nope", "'nope', which --label")]
    [InlineData("--label click --ignore nope", "'nope', which --ignore")]
    [InlineData("--label click --policy nope", "Known: ")]
    [InlineData("--label click --policy uniform", "predicts nothing")]
    [InlineData("--label click --set nope=1", "nope")]
    [InlineData("--label click --publish-every 0", "--publish-every")]
    [InlineData("--label click --recent 0", "--recent")]
    [InlineData("", "--label")]
    public async Task Misuse_ends_with_its_code_and_a_line_that_names_it(string arguments, string says)
    {
        using var file = new TemporaryFile(StreamTables.Drifting(20, 1));
        var (code, output, error) = await Run(["simulate", "stream", "--data", file.Path, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal(LearnerCommandLine.Misused, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Equal("", output);
    }

    [Fact]
    public async Task Bad_file_ends_with_1_and_table_and_help_are_for_people()
    {
        using var bad = new TemporaryFile("x,y\n1,0\n2,\n");
        var (code, _, error) = await Run("simulate", "stream", "--data", bad.Path, "--label", "y", "--json");
        Assert.Equal((LearnerCommandLine.Failed, $"{bad.Path}, line 3, column 'y': the label is missing."), (code, error.Trim()));
        using var good = new TemporaryFile(StreamTables.Drifting(50, 1));
        Assert.Contains("tenths[9].logLoss", (await Run("simulate", "stream", "--data", good.Path, "--label", "click")).Output, StringComparison.Ordinal);
        Assert.Contains("--publish-every", (await Run("simulate", "stream", "--help")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bank-marketing/bank-additional-full.csv.gz", 41_188, 0.3522)]
    [InlineData("bank-marketing/bank-full.csv.gz", 45_211, 0.3610)]
    public void Bank_contacts_are_predicted_better_than_by_their_share(string file, int rows, double runningMean)
    {
        var table = StreamFile.Read(RealDataTests.Find("events/" + file), new StreamColumns("y", ["duration"], []));
        var result = StreamSimulation.Run(table, new StreamOptions());
        Assert.Equal((rows, "yes"), (result.Rows, result.Positive));
        Assert.Equal(runningMean, result.RunningMeanLogLoss, 1e-3);
        Assert.InRange(result.RunningMeanLogLoss - result.LogLoss, 0.06, 0.1);
        // The share of late follows the clicks from 3 % to 46 %, which is most of what there is to know.
        Assert.InRange(result.RecentMeanLogLoss - result.LogLoss, 0.002, 0.1);
        Assert.InRange(result.Auc!.Value, 0.77, 0.82);
    }

    private static string WithoutTimes(StreamResult result) => JsonSerializer.Serialize(result with { Seconds = 0, LearnedPerSecond = 0 });

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await LearnerCommandLine.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Predicts nothing and checks that it is asked about a whole row before it is told of it.</summary>
    private sealed class Recorder : IClickPredictor
    {
        private readonly Queue<Offer> _asked = new();
        private bool _telling;
        private int _row;

        public int Told { get; private set; }

        public int ClickedFirst { get; private set; }

        public float Predict(Offer offer)
        {
            if (_telling)
                Assert.Empty(_asked);
            _telling = false;
            _asked.Enqueue(offer);
            return 0.5f;
        }

        public void Learn(Offer offer, bool clicked)
        {
            if (!_telling)
            {
                Assert.InRange(_asked.Count, _row++ == 0 ? 1 : 2, 2);
                ClickedFirst += clicked ? 1 : 0;
            }
            _telling = true;
            Assert.Same(_asked.Dequeue(), offer);
            Told++;
        }
    }
}
