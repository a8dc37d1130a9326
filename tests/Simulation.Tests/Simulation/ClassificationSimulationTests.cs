using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Classification;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class ClassificationSimulationTests
{
    public static TheoryData<string> Kinds => [.. PolicyCatalog.Kinds.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_same_seed_gives_the_same_result_and_another_seed_another(string kind)
    {
        var data = Colours(300);
        var options = new ClassificationOptions(kind, Rounds: 700, Seed: 5, Delay: 3, Batch: 2);
        var first = WithoutTimes(ClassificationSimulation.Run(data, options));
        Assert.Equal(first, WithoutTimes(ClassificationSimulation.Run(data, options)));
        Assert.NotEqual(first, WithoutTimes(ClassificationSimulation.Run(data, options with { Seed = 6 })));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_policy_that_sees_the_row_beats_chance_by_half(string kind)
    {
        var result = ClassificationSimulation.Run(Colours(600), new ClassificationOptions(kind, Rounds: 3000, Seed: 1));
        // Chance is 2000 wrong of 3000. Uniform stays there, and diag-lin-ucb sees only user clusters, of which a table has one.
        var blind = kind is "uniform" or "diag-lin-ucb";
        Assert.InRange(result.Regret, blind ? 1500 : 100, blind ? 2200 : 1000);
    }

    [Fact]
    public void Run_uniform_regret_and_propensity_are_those_of_chance()
    {
        var result = ClassificationSimulation.Run(Colours(600), new ClassificationOptions("uniform", Rounds: 6000, Seed: 1));
        Assert.Equal(3, result.Actions);
        Assert.Equal(5, result.Features);
        Assert.Equal(1.0 / 3, result.MeanPropensity, 1e-6);
        // Binomial with mean 4000 and deviation 36.5; five deviations.
        Assert.InRange(result.Regret, 4000 - 183, 4000 + 183);
        Assert.Null(result.RegretAfterShift);
    }

    [Fact]
    public void Run_counts_regret_after_the_shift_apart()
    {
        var data = Colours(600);
        var still = ClassificationSimulation.Run(data, new ClassificationOptions("uniform", 3000, 1));
        var shifted = ClassificationSimulation.Run(data, new ClassificationOptions("uniform", 3000, 1, ShiftAt: 2000));
        var fromStart = ClassificationSimulation.Run(data, new ClassificationOptions("uniform", 3000, 1, ShiftAt: 0));
        Assert.NotNull(shifted.RegretAfterShift);
        Assert.InRange(shifted.RegretAfterShift.Value, 1, 1000);
        Assert.Equal(fromStart.Regret, fromStart.RegretAfterShift);
        // Uniform draws do not depend on what was learned, so the rounds before the shift are those of the run without one.
        var before = ClassificationSimulation.Run(data, new ClassificationOptions("uniform", 2000, 1));
        Assert.Equal(before.Regret, shifted.Regret - shifted.RegretAfterShift.Value);
        Assert.NotEqual(still.Regret, fromStart.Regret);
    }

    [Theory]
    [InlineData("neu-fast-cb")]
    [InlineData("lin-ucb")]
    [InlineData("diag-lin-ucb")]
    public void Run_with_a_memory_is_a_function_of_the_seed_and_of_nothing_else(string kind)
    {
        var data = Colours(300);
        var options = new ClassificationOptions(kind, Rounds: 600, Seed: 5, Delay: 3, Batch: 2, ShiftAt: 400, Memory: Small);
        var first = WithoutTimes(ClassificationSimulation.Run(data, options));
        Assert.Equal(first, WithoutTimes(ClassificationSimulation.Run(data, options)));
        Assert.NotEqual(first.LogLoss, ClassificationSimulation.Run(data, options with { Memory = null }).LogLoss);
        // A memory that corrects nothing changes nothing.
        var still = WithoutTimes(ClassificationSimulation.Run(data, options with { Memory = Small with { Lambda = 0 } }));
        Assert.Equal(WithoutTimes(ClassificationSimulation.Run(data, options with { Memory = null })), still);
    }

    [Fact]
    public void Run_with_a_memory_a_network_finds_back_sooner_after_a_shift()
    {
        var options = new ClassificationOptions("neu-fast-cb", Rounds: 3000, Seed: 1, ShiftAt: 1500);
        var (without, with) = (
            ClassificationSimulation.Run(Colours(600), options), ClassificationSimulation.Run(Colours(600), options with { Memory = Small }));
        Assert.InRange(with.RegretAfterShift!.Value, 1, 0.8 * without.RegretAfterShift!.Value);
        Assert.InRange(with.LogLossAfterShift!.Value, 0, 0.8 * without.LogLossAfterShift!.Value);
    }

    [Fact]
    public void Run_unknown_policy_names_the_known_ones()
    {
        var problem = Assert.Throws<SimulationOptionsException>(() => ClassificationSimulation.Run(Colours(20), new ClassificationOptions("nope", 1, 1)));
        Assert.Contains("uniform", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_reports_every_refused_parameter()
    {
        var options = new ClassificationOptions("uniform", 1, 1, Parameters: [KeyValuePair.Create("first", "1"), KeyValuePair.Create("second", "2")]);
        var problem = Assert.Throws<SimulationOptionsException>(() => ClassificationSimulation.Run(Colours(20), options));
        Assert.Contains("first", problem.Message, StringComparison.Ordinal);
        Assert.Contains("second", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_stops_when_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => ClassificationSimulation.Run(Colours(20), new ClassificationOptions("uniform", 1_000_000, 1), null, null, cancelled.Token));
    }

    private static MemoryOptions Small => new(new MemoryShape(16, 8), Window: 300, RenewAfter: 300);

    private static ClassificationResult WithoutTimes(ClassificationResult result) =>
        result with { Seconds = 0, DecisionsPerSecond = 0, LearnedPerSecond = 0 };

    private static ClassificationData Colours(int rows)
    {
        using var file = new TemporaryFile(SyntheticTables.Colours(rows, seed: 3));
        return ClassificationFile.Read(file.Path);
    }
}
