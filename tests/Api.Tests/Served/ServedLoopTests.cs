using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>What a served loop owes to its users, whatever it is made of. Each deployment inherits the same tests.</summary>
public abstract class ServedLoopTests
{
    private const int Rounds = 3000;
    private const int Samples = 60;

    private readonly IDeployment _deployment;

    protected ServedLoopTests(IDeployment deployment)
    {
        _deployment = deployment;
        if (deployment.Missing is { } reason)
            Assert.Skip(reason);
    }

    [Fact]
    public async Task Reward_rate_rises_from_uniform_to_near_best_with_fresh_parameters()
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "learns");
        var turns = await loop.DriveAsync(0, Rounds, Deliveries.Once);
        Assert.All(turns, static t => Assert.Null(t.Fallback));
        var untrained = Rate(turns.Where(static t => t.Version == 0));
        var late = Rate(turns.Skip(2 * Rounds / 3));
        var ages = new Percentiles(turns.Where(static t => t.Version > 0).Select(static t => 1000 * t.AgeSeconds));
        Say($"reward rate over {Rounds} decisions: {untrained:F2} before the first lesson, {late:F2} in the last third "
            + $"(uniform {Population.UniformRate:F2}, best {Population.Liked:F2})");
        Say($"age of the parameters that decided, ms: {ages}");
        Assert.True(late > Population.UniformRate + (0.85 * (Population.Liked - Population.UniformRate)), $"The last third earned {late} each.");
        Assert.True(ages.At(0.5) < 1000 && ages.At(0.95) < 1000, $"Ages in ms: {ages}");
        Assert.Equal(Rounds, await loop.SettledAsync(Rounds));
        Assert.All(Enumerable.Range(0, _deployment.Apis.Count), api => Assert.Contains(turns, t => t.Api == api && t.Version > 0));
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Reward_is_served_in_well_under_a_second()
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "fresh");
        var (first, every) = await loop.FreshnessAsync(Samples);
        Say($"reward accepted to served by an Api, ms: {first}");
        Say($"reward accepted to served by every Api, ms: {every}");
        Assert.True(every.At(0.5) < 200, $"Delays in ms: {every}");
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Repeated_reward_counts_once_whoever_takes_it()
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "once");
        const int Decisions = 50;
        await loop.DriveAsync(0, Decisions, static _ => Delivery.Everywhere);
        // Once more, with another value, long after the first has been learned.
        Assert.Equal(Decisions, await loop.SettledAsync(Decisions));
        var learned = await loop.EstimatesAsync(0, "mobile");
        for (var round = 0; round < Decisions; round++)
            await loop.RewardAsync(round % _deployment.Apis.Count, $"r{round}", round % 2);
        Assert.Equal(Decisions, await loop.SettledAsync(Decisions));
        Assert.Equal(learned, await loop.EstimatesAsync(0, "mobile"));
        await loop.DeleteAsync();
    }

    // Straight to the console, because what a test writes to its own output is shown only when it fails.
    private void Say(string what) => System.Console.WriteLine($"[{_deployment.Name}] {what}");

    private static double Rate(IEnumerable<Turn> turns) => turns.Select(static t => (double)t.Value!).DefaultIfEmpty().Average();
}
