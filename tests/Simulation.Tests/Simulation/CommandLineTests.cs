using System.Text.Json;
using Recsys.Learner.CommandLine;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class CommandLineTests
{
    private static readonly string[] OfTheContract = ["policy", "rounds", "meanReward", "uniformReward", "bestReward", "attained", "seconds"];
    private static readonly string[] Additions =
        ["calibration", "reliability", "fresh", "learnedPerSecond", "stateBytes", "exactLearnedPerSecond", "exactStateBytes", "truth"];

    [Fact]
    public async Task Simulate_classification_json_is_the_last_line_with_the_fields_of_the_contract_first()
    {
        using var file = new TemporaryFile(SyntheticTables.Colours(100, 1), zipped: true);
        var (code, output, _) = await Run("simulate", "classification", "--data", file.Path, "--policy", "uniform", "--rounds", "200", "--seed", "1",
            "--delay", "5", "--batch", "2", "--shift-at", "100", "--memory", "off", "--json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(
            ["policy", "rounds", "actions", "features", "regret", "regretAfterShift", "meanPropensity", "seconds", "decisionsPerSecond", "learnedPerSecond",
                "squaredError", "logLoss", "logLossAfterShift"],
            json.RootElement.EnumerateObject().Select(static p => p.Name));
        Assert.Equal("uniform", json.RootElement.GetProperty("policy").GetString());
        Assert.Equal(200, json.RootElement.GetProperty("rounds").GetInt64());
    }

    [Fact]
    public async Task Simulate_catalogue_json_is_the_last_line_with_the_fields_of_the_contract_first()
    {
        using var file = new TemporaryFile(SyntheticTables.Ratings(users: 30, items: 20, perUser: 10, seed: 1), zipped: true);
        var (code, output, _) = await Run("simulate", "catalogue", "--ratings", file.Path, "--policy", "uniform", "--rounds", "200", "--seed", "1",
            "--delay", "5", "--set", "clusters=3", "--set", "itemsPerCluster=5", "--json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(
            [.. OfTheContract, .. Additions],
            json.RootElement.EnumerateObject().Select(static p => p.Name));
    }

    [Fact]
    public async Task Simulate_world_needs_no_data_and_prints_the_same_fields()
    {
        var (code, output, _) = await Run("simulate", "world", "--rounds", "300", "--delay", "20", "--set", "items=200", "--set", "alpha=0.2", "--json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(
            [.. OfTheContract, .. Additions],
            json.RootElement.EnumerateObject().Select(static p => p.Name));
        Assert.Equal("diag-lin-ucb", json.RootElement.GetProperty("policy").GetString());
        var (misused, _, error) = await Run("simulate", "world", "--set", "items=0");
        Assert.Equal(LearnerCommandLine.Misused, misused);
        Assert.Contains("items", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("world --policy greedy-two-tower --set items=200")]
    [InlineData("catalogue --policy ucb1 --set scale=1 --set clusters=3 --set itemsPerCluster=5 --ratings")]
    public async Task Simulate_runs_rivals_and_writes_how_the_run_stood_over_time(string arguments)
    {
        using var ratings = new TemporaryFile(SyntheticTables.Ratings(users: 30, items: 20, perUser: 10, seed: 1), zipped: true);
        using var curve = new TemporaryFile("");
        string[] file = arguments.EndsWith("--ratings", StringComparison.Ordinal) ? [ratings.Path] : [];
        var (code, output, _) = await Run(["simulate", .. arguments.Split(' '), .. file, "--rounds", "400", "--curve", curve.Path, "--json"]);
        Assert.Equal(0, code);
        var lines = await File.ReadAllLinesAsync(curve.Path, TestContext.Current.CancellationToken);
        Assert.Equal((201, "rounds,attained"), (lines.Length, lines[0]));
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal($"400,{json.RootElement.GetProperty("attained").GetDouble().ToString("0.######", System.Globalization.CultureInfo.InvariantCulture)}", lines[^1]);
    }

    [Theory]
    [InlineData("--policy nope", "Known: ")]
    [InlineData("--policy uniform --set clusters=-1", "clusters")]
    [InlineData("--policy uniform --set nope=1", "nope")]
    [InlineData("--policy uniform --set clusters=8", "'clusters' is 8")]
    public async Task Simulate_catalogue_misuse_ends_with_its_code(string arguments, string says)
    {
        using var file = new TemporaryFile(SyntheticTables.Ratings(users: 6, items: 20, perUser: 10, seed: 1));
        var (code, output, error) = await Run(["simulate", "catalogue", "--ratings", file.Path, .. arguments.Split(' ')]);
        Assert.Equal(LearnerCommandLine.Misused, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Equal("", output);
    }

    [Fact]
    public async Task Simulate_without_json_prints_a_table_and_progress_goes_to_the_error_stream()
    {
        using var file = new TemporaryFile(SyntheticTables.Colours(100, 1));
        var (code, output, error) = await Run("simulate", "classification", "--data", file.Path, "--policy", "uniform", "--rounds", "200");
        Assert.Equal(0, code);
        Assert.Contains("regret", output, StringComparison.Ordinal);
        Assert.Contains("100 %", error, StringComparison.Ordinal);
        Assert.DoesNotContain("100 %", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--policy nope", LearnerCommandLine.Misused, "Known: ")]
    [InlineData("--policy uniform --set nope=1", LearnerCommandLine.Misused, "nope")]
    [InlineData("--policy uniform --set nope", LearnerCommandLine.Misused, "name=value")]
    [InlineData("--policy uniform --memory on --memory-set nope=1", LearnerCommandLine.Misused, "Known: arrays")]
    [InlineData("--policy uniform --memory on --memory-set bits=17", LearnerCommandLine.Misused, "Bits")]
    [InlineData("--policy uniform --memory on --memory-set lambda=much", LearnerCommandLine.Misused, "'lambda' of the error memory is a number")]
    [InlineData("--policy uniform --memory on --memory-set keys=outer", LearnerCommandLine.Misused, "auto, input, hidden")]
    [InlineData("--policy uniform --memory maybe", LearnerCommandLine.Misused, "maybe")]
    [InlineData("--policy uniform --rounds 0", LearnerCommandLine.Misused, "--rounds")]
    [InlineData("--policy uniform --rounds many", LearnerCommandLine.Misused, "many")]
    [InlineData("--policy uniform --delay -1", LearnerCommandLine.Misused, "--delay")]
    [InlineData("--policy uniform --shift-at -1", LearnerCommandLine.Misused, "--shift-at")]
    [InlineData("--policy uniform --unheard-of", LearnerCommandLine.Misused, "unheard-of")]
    [InlineData("", LearnerCommandLine.Misused, "--policy")]
    public async Task Misuse_ends_with_its_code_and_a_line_that_names_it(string arguments, int expected, string says)
    {
        using var file = new TemporaryFile(SyntheticTables.Colours(20, 1));
        var (code, output, error) = await Run(
            ["simulate", "classification", "--data", file.Path, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal(expected, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Equal("", output);
    }

    [Fact]
    public async Task Bad_file_ends_with_1_and_names_line_and_column()
    {
        using var file = new TemporaryFile("x,class\n1,a\n2,\n");
        var (code, _, error) = await Run("simulate", "classification", "--data", file.Path, "--policy", "uniform", "--json");
        Assert.Equal(LearnerCommandLine.Failed, code);
        Assert.Equal($"{file.Path}, line 3, column 'class': the class is missing.", error.Trim());
    }

    [Theory]
    [InlineData("simulate classification --help", "--shift-at")]
    [InlineData("simulate classification --help", "Parameters of the policies")]
    [InlineData("simulate catalogue --help", "reward model")]
    [InlineData("simulate catalogue --help", "itemsPerCluster")]
    [InlineData("simulate catalogue --help", "exact-lin-ucb: LinUCB")]
    [InlineData("simulate world --help", "greedy-two-tower")]
    [InlineData("simulate --help", "classification")]
    [InlineData("--help", "simulate")]
    public async Task Help_explains(string arguments, string says)
    {
        var (code, output, _) = await Run(arguments.Split(' '));
        Assert.Equal(0, code);
        Assert.Contains(says, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evaluate")]
    public async Task Verbs_of_later_versions_are_not_registered(string arguments)
    {
        var (code, _, error) = await Run(arguments.Split(' '));
        Assert.Equal(LearnerCommandLine.Misused, code);
        Assert.NotEqual("", error);
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await LearnerCommandLine.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
