using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>Processes ended as a power cut would, while users are being served.</summary>
[Collection(DistributedCollection.Name)]
public sealed class DistributedRecoveryTests : IAsyncLifetime
{
    // Decisions without a reward are learned when their window closes; a test waits that long.
    private const string Definition = """{"reward":{"window":"00:00:05"}}""";

    private readonly DistributedDeployment _deployment;

    public DistributedRecoveryTests(DistributedDeployment deployment)
    {
        _deployment = deployment;
        if (deployment.Missing is { } reason)
            Assert.Skip(reason);
    }

    public async ValueTask InitializeAsync() => await _deployment.HealAsync();

    public async ValueTask DisposeAsync() => await _deployment.HealAsync();

    [Fact]
    public async Task Killed_learner_is_replaced_and_nothing_is_lost_or_learned_twice()
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "takeover", Definition);
        var victim = _deployment.Learners[0];
        await loop.DriveAsync(0, 900, Deliveries.Messy, round =>
        {
            if (round == 450)
                victim.Kill();
            return Task.CompletedTask;
        });
        await _deployment.LearnersReadyAsync(loop.Experiment);
        await loop.DriveAsync(900, 300, Deliveries.Messy);
        // It comes back in the middle of things and gets its share again.
        await loop.DriveAsync(1200, 300, Deliveries.Messy, async round =>
        {
            if (round == 1300)
                await victim.StartAsync();
        });
        await LogTwin.AssertServedAsync(_deployment, loop, least: 1500, most: 1500);
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Killed_Api_serves_again_from_the_stored_parameters_while_nobody_learns()
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "apidown", Definition);
        var api = _deployment.Apis[0];
        await loop.DriveAsync(0, 600, Deliveries.Messy, async round =>
        {
            if (round != 400)
                return;
            foreach (var learner in _deployment.Learners)
                learner.Kill();
            api.Kill();
            await api.StartAsync();
        });
        // No learner has run since, so what it serves it has from Redis, and it had it before it said that it was ready.
        var other = (await loop.DecideAsync(1, ServedLoop.Request("other", "mobile"))).GetProperty("policyVersion").GetInt64();
        var again = await loop.DecideAsync(0, ServedLoop.Request("again", "mobile"));
        Assert.True(other > 0);
        Assert.Equal(other, again.GetProperty("policyVersion").GetInt64());
        Assert.Null(again.GetProperty("fallback").GetString());

        await _deployment.HealAsync();
        await loop.DriveAsync(600, 300, Deliveries.Messy);
        // The killed process may have answered decisions whose records it had not yet sent; the log has the last word.
        await LogTwin.AssertServedAsync(_deployment, loop, least: 850, most: 902);
        await loop.DeleteAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Redis_away_and_back_never_stops_a_decision(bool keeps)
    {
        var loop = await ServedLoop.CreateAsync(_deployment, "redis", Definition);
        await loop.DriveAsync(0, 300, Deliveries.Messy);
        // Every decision of these is a 200 and every reward a 202, or the driver fails.
        var away = await loop.DriveAsync(300, 600, Deliveries.Messy, round =>
        {
            if (round == 350)
                _deployment.Redis.Kill();
            if (round == 350 && !keeps)
                _deployment.Redis.Forget();
            return Task.CompletedTask;
        });
        Assert.All(away, turn => Assert.True(turn.Fallback is null && turn.Version > 0, $"{turn}"));
        _deployment.Redis.Start();
        await loop.DriveAsync(900, 300, Deliveries.Messy);
        await LogTwin.AssertServedAsync(_deployment, loop, least: 1200, most: 1200);
        await loop.DeleteAsync();
    }
}
