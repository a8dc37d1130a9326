using Recsys.Bandits.Policies.Neural;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>Silence while the world stays or gets better, alarms soon after it has turned, and the equations.</summary>
public sealed class DriftSignalTests
{
    private const int Runs = 60;
    private static readonly DriftSignal Signal = new();

    public static TheoryData<string> Streams =>
    [
        "errors 0.001", "errors 0.01", "errors 0.1", "errors 0.5", "errors 0.9",
        "log 0.001", "log 0.01", "log, rates of 0.02 to 0.98", "log, overconfident", "log, rates around 0.01",
        "squared", "squared, rewards 0.01", "exponential", "heavy tail", "learns errors", "learns rates of 0.01",
        "bursts of 20", "bursts of 32, all or little",
    ];

    /// <summary>Expected are 0.75 in a million at most where losses are independent, and 5 where bursts of twenty share a rate.</summary>
    [Theory]
    [MemberData(nameof(Streams))]
    public void A_world_that_stays_or_improves_raises_hardly_an_alarm_in_a_million(string name)
    {
        var stream = Stream(name, new Random(11));
        var state = default(DriftState);
        for (long t = 0; t < 1_000_000; t++)
            state = Signal.Observe(state, stream(t));
        Assert.True(state.Alarms <= (name == "bursts of 20" ? 12 : 3), $"{state.Alarms} alarms");
    }

    /// <summary>Skewness counts for falls as it does for rises, with the other sign.</summary>
    [Theory]
    [InlineData("errors 0.99")]
    [InlineData("errors 0.01")]
    [InlineData("errors 0.5")]
    public void A_world_that_stays_hardly_begins_the_means_anew(string name)
    {
        var stream = Stream(name, new Random(12));
        var state = default(DriftState);
        var begun = 0;
        for (long t = 0; t < 1_000_000; t++)
        {
            var next = Signal.Observe(state, stream(t));
            begun += next.Seen < state.Seen ? 1 : 0;
            state = next;
        }
        Assert.InRange(begun, 0, 3);
    }

    [Fact]
    public void Fewer_standard_errors_raise_more_alarms()
    {
        var (stream, loose) = (Stream("errors 0.1", new Random(11)), Signal with { StandardErrors = 3 });
        var state = default(DriftState);
        for (long t = 0; t < 1_000_000; t++)
            state = loose.Observe(state, stream(t));
        Assert.InRange(state.Alarms, 20, 1000);
    }

    [Theory]
    [InlineData(0.1, 0.6, 5000, 60)]
    [InlineData(0.1, 0.6, 300, 150)]
    [InlineData(0.3, 0.6, 5000, 250)]
    [InlineData(0.1, 0.3, 5000, 400)]
    [InlineData(0, 0.3, 5000, 60)]
    [InlineData(0.05, 0.15, 5000, 3000)]
    public void A_jump_of_the_error_rate_is_seen_once_and_soon(double before, double after, int at, int within)
    {
        var alarms = 0L;
        for (var run = 0; run < Runs; run++)
        {
            var random = new Random(100 + run);
            var state = default(DriftState);
            for (var t = 0; t < at; t++)
                state = Signal.Observe(state, Error(random, before));
            Assert.Equal(0, state.Alarms);
            var delay = 0;
            while (!state.IsAlarm && delay < within)
            {
                state = Signal.Observe(state, Error(random, after));
                delay++;
            }
            Assert.True(state.IsAlarm, $"not seen within {within} in run {run}");
            for (var t = 0; t < 2000; t++)
                state = Signal.Observe(state, Error(random, after));
            alarms += state.Alarms;
        }
        Assert.InRange(alarms, Runs, Runs + 1);
    }

    [Fact]
    public void A_model_that_is_confident_and_suddenly_wrong_is_seen_at_once()
    {
        for (var run = 0; run < Runs; run++)
        {
            var random = new Random(300 + run);
            var state = default(DriftState);
            for (var t = 0; t < 5000; t++)
                state = Signal.Observe(state, Log(random, 0.97, 0.97));
            var delay = 0;
            for (; !state.IsAlarm && delay < 50; delay++)
                state = Signal.Observe(state, Log(random, 0.03, 0.97));
            Assert.True(state.IsAlarm && state.Alarms == 1, $"run {run}");
        }
    }

    [Fact]
    public void A_shift_after_learning_is_measured_by_what_had_been_learned()
    {
        for (var run = 0; run < Runs; run++)
        {
            var random = new Random(500 + run);
            var state = default(DriftState);
            for (var t = 0; t < 3000; t++)
                state = Signal.Observe(state, Error(random, 0.1 + 0.5 * Math.Exp(-t / 300.0)));
            Assert.Equal(0, state.Alarms);
            var delay = 0;
            for (; !state.IsAlarm && delay < 300; delay++)
                state = Signal.Observe(state, Error(random, 0.4));
            Assert.True(state.IsAlarm, $"not seen in run {run}");
        }
    }

    [Fact]
    public void A_gradual_rise_is_seen_before_it_is_complete()
    {
        for (var run = 0; run < Runs; run++)
        {
            var random = new Random(700 + run);
            var state = default(DriftState);
            for (var t = 0; t < 5000; t++)
                state = Signal.Observe(state, Error(random, 0.1));
            for (var t = 0; t < 5000; t++)
                state = Signal.Observe(state, Error(random, 0.1 + 0.4 * t / 5000));
            Assert.InRange(state.Alarms, 1, 6);
        }
    }

    [Fact]
    public void Losses_that_fall_begin_the_means_anew_without_an_alarm()
    {
        var random = new Random(4);
        var state = default(DriftState);
        for (var t = 0; t < 5000; t++)
            state = Signal.Observe(state, Error(random, 0.6));
        for (var t = 0; t < 1000; t++)
            state = Signal.Observe(state, Error(random, 0.1));
        Assert.Equal((0, 6000), (state.Alarms, state.Since));
        Assert.InRange(state.Seen, 500, 1000);
        Assert.Equal(0.1, state.Slow, 0.06);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(7.1)]
    public void Equal_losses_are_no_drift_and_a_step_between_them_is_one_alarm(double loss)
    {
        var state = default(DriftState);
        for (var t = 0; t < 20_000; t++)
            state = Signal.Observe(state, loss);
        Assert.Equal(new DriftState(0, 20_000, 20_000, loss, loss, 0, 0, state.Block, state.LastBlock, state.Between), state);
        Assert.Equal(0, state.Between, 1e-20);
        // As little as this is not worth an alarm, however certain.
        for (var t = 0; t < 10_000; t++)
            state = Signal.Observe(state, loss + 0.0009);
        Assert.Equal(0, state.Alarms);
        for (var t = 0; t < 10_000; t++)
            state = Signal.Observe(state, loss + 1);
        Assert.Equal(1, state.Alarms);
        Assert.InRange(state.Since, 9900, 9999);
    }

    [Fact]
    public void An_alarm_is_of_one_interaction_and_everything_else_begins_anew()
    {
        var random = new Random(5);
        var state = default(DriftState);
        for (var t = 0; t < 1000; t++)
            state = Signal.Observe(state, Error(random, 0.05));
        Assert.False(state.IsAlarm);
        while (!state.IsAlarm)
            state = Signal.Observe(state, 1);
        Assert.Equal(default(DriftState) with { Alarms = 1 }, state);
        state = Signal.Observe(state, 0.5);
        Assert.False(state.IsAlarm);
        Assert.Equal((1, 1, 0.5, 0.5), (state.Alarms, state.Since, state.Fast, state.Slow));
    }

    /// <summary>Weighted sums over all losses there have been, from the definitions.</summary>
    [Theory]
    [InlineData(130)]
    [InlineData(2000)]
    [InlineData(9000)]
    public void The_state_is_that_of_the_definitions(int count)
    {
        var random = new Random(count);
        var losses = Enumerable.Range(0, count).Select(_ => Log(random, 0.2, 0.3)).ToArray();
        var state = losses.Aggregate(default(DriftState), (s, loss) => Signal.Observe(s, loss));
        Assert.Equal((0, count), (state.Alarms, state.Seen));

        double[] fast = Weights(count, 64), slow = Weights(count, 4096);
        double Moment(double about, int power) => losses.Zip(slow, (loss, weight) => weight * Math.Pow(loss - about, power)).Sum();
        Assert.Equal(losses.Zip(fast, static (loss, weight) => weight * loss).Sum(), state.Fast, 1e-12);
        Assert.Equal(Moment(0, 1), state.Slow, 1e-12);
        Assert.Equal(Moment(state.Slow, 2), state.Variance, 1e-12);
        Assert.Equal(Moment(state.Slow, 3), state.Third, 1e-12);

        var means = losses.Chunk(64).Where(static block => block.Length == 64).Select(static block => block.Average()).ToArray();
        double[] squares = [.. means.Skip(1).Zip(means, static (now, before) => 0.5 * (now - before) * (now - before))];
        Assert.Equal(squares.Zip(Weights(squares.Length, 64), static (square, weight) => weight * square).Sum(), state.Between, 1e-12);
        Assert.Equal(losses.Skip(means.Length * 64).Sum(), state.Block, 1e-12);
        Assert.Equal(means[^1], state.LastBlock, 1e-12);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1e-9)]
    public void A_loss_that_is_none_is_refused(double loss) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Signal.Observe(default, loss));

    [Fact]
    public void A_state_from_losses_is_valid_and_one_from_damaged_bytes_is_not()
    {
        var random = new Random(6);
        var state = default(DriftState);
        for (var t = 0; t < 10_000; t++)
        {
            state = Signal.Observe(state, Error(random, t < 5000 ? 0.1 : 0.5));
            Assert.True(state.IsValid);
        }
        Assert.False((state with { Alarms = -1 }).IsValid);
        Assert.False((state with { Seen = state.Since + 1 }).IsValid);
        Assert.False((state with { Variance = double.NaN }).IsValid);
        Assert.False((state with { Slow = -0.1 }).IsValid);
        Assert.False((state with { Third = double.NegativeInfinity }).IsValid);
    }

    [Fact]
    public void Observing_allocates_nothing()
    {
        var state = default(DriftState);
        Assert.Equal(0, Allocation.Least(() => state = Signal.Observe(state, 0.25)));
    }

    /// <summary>The weight that every loss has in a mean whose newest counts 1/min(count, memory).</summary>
    private static double[] Weights(int count, int memory)
    {
        var weights = new double[count];
        for (var i = 0; i < count; i++)
        {
            var newest = 1.0 / Math.Min(i + 1, memory);
            for (var j = 0; j < i; j++)
                weights[j] *= 1 - newest;
            weights[i] = newest;
        }
        return weights;
    }

    private static Func<long, double> Stream(string name, Random random)
    {
        var rate = 0.0;
        return name switch
        {
            "errors 0.001" => _ => Error(random, 0.001),
            "errors 0.01" => _ => Error(random, 0.01),
            "errors 0.1" => _ => Error(random, 0.1),
            "errors 0.5" => _ => Error(random, 0.5),
            "errors 0.99" => _ => Error(random, 0.99),
            "errors 0.9" => _ => Error(random, 0.9),
            "log 0.001" => _ => Log(random, 0.001, 0.001),
            "log 0.01" => _ => Log(random, 0.01, 0.01),
            "log, rates of 0.02 to 0.98" => _ => Log(random, rate = 1 / (1 + Math.Exp(-2 * Normal(random))), rate),
            "log, overconfident" => _ => Log(random, 0.03, random.NextDouble() < 0.5 ? 0.0005 : 0.06),
            "log, rates around 0.01" => _ => Log(random, rate = Math.Min(0.9, 0.01 * Math.Exp(1.5 * Normal(random) - 1.1)), rate),
            "squared" => _ => 0.5 * Math.Pow(0.2 * Normal(random), 2),
            "squared, rewards 0.01" => _ => random.NextDouble() < 0.01 ? 0.98 : 0.0001,
            "exponential" => _ => -Math.Log(1 - random.NextDouble()),
            "heavy tail" => _ => Math.Min(10, 0.05 * Math.Pow(1 - random.NextDouble(), -0.7)),
            "learns errors" => t => Error(random, 0.1 + 0.4 / (1 + t / 500.0)),
            "learns rates of 0.01" => t => Log(random, 0.01, 0.01 + 0.49 / (1 + t / 100.0)),
            "bursts of 20" => t => Error(random, rate = t % 20 == 0 ? 0.2 * random.NextDouble() : rate),
            "bursts of 32, all or little" => t => Error(random, rate = t % 32 == 0 ? (random.NextDouble() < 0.5 ? 0.02 : 0.3) : rate),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
    }

    private static double Error(Random random, double rate) => random.NextDouble() < rate ? 1 : 0;

    private static double Log(Random random, double rate, double predicted) =>
        random.NextDouble() < rate ? -Math.Log(predicted) : -Math.Log(1 - predicted);

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
