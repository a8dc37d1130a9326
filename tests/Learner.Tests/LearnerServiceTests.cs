using System.Collections.Concurrent;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Hosting;
using Recsys.Learner.Tests.Support;

namespace Recsys.Learner.Tests;

/// <summary>One loop per experiment: coming, changing, failing, going. Real threads, no waiting for time: every step announces itself.</summary>
public sealed class LearnerServiceTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly LearnerRig _rig = new();
    private readonly MemoryExperiments _experiments = new();
    private readonly LiveSource _source;
    private readonly LearnerHealth _health = new();
    private readonly LearnerService _service;

    public LearnerServiceTests()
    {
        _source = new LiveSource(_rig.Log);
        for (var i = 0; i < 5; i++)
        {
            _rig.Log.Append(Streams.Decision($"d{i}", _rig.Now));
            _rig.Log.Append(new RewardEvent($"d{i}", _rig.Now, 1));
        }
        _service = new LearnerService(_experiments, _source, _rig.Outlets, _health);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.StopAsync(CancellationToken.None);
        _service.Dispose();
    }

    private Task<string> Next() => _source.Said.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);

    private async Task StartAsync(params Experiment[] experiments)
    {
        _experiments.Set(experiments);
        await _service.StartAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Stopping_saves_everything()
    {
        await StartAsync(Streams.Experiment(), Streams.Experiment(name: "other"));
        string[] started = [await Next(), await Next()];
        Assert.Equal(["home read", "other read"], started.Order(StringComparer.Ordinal));
        Assert.True(_health.IsReady);
        await _service.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(_health.IsReady);
        Assert.Equal(["home", "other"], _rig.Stores.Checkpoints.Keys.Select(static k => k.Experiment).Order(StringComparer.Ordinal));
        Assert.All(_rig.Stores.Heads.Values, static h => Assert.Equal(5, h.Head.Interactions));
    }

    [Fact]
    public async Task Change_of_mode_keeps_the_loop_and_change_of_generation_starts_a_new_one()
    {
        await StartAsync(Streams.Experiment());
        Assert.Equal("home read", await Next());
        _experiments.Set(Streams.Experiment(mode: "logging"), Streams.Experiment(name: "other"));
        // The other one starts after the first was looked at, so had there been a stop it would have come before.
        Assert.Equal("other read", await Next());
        _experiments.Set(Streams.Experiment(aggregate: "sum"), Streams.Experiment(name: "other"));
        Assert.Equal("home stopped", await Next());
        Assert.Equal("home read", await Next());
        // The old generation is dropped, not saved over what the new one learns.
        Assert.DoesNotContain(("home", 0), _rig.Stores.Checkpoints.Keys);
    }

    [Fact]
    public async Task Deleted_experiment_is_not_written_again()
    {
        await StartAsync(Streams.Experiment());
        Assert.Equal("home read", await Next());
        _experiments.Set();
        Assert.Equal("home stopped", await Next());
        await _service.StopAsync(TestContext.Current.CancellationToken);
        Assert.Empty(_rig.Stores.Checkpoints);
    }

    [Fact]
    public async Task Deleted_experiment_is_exported_no_more()
    {
        await StartAsync(Streams.Experiment());
        Assert.Equal("home read", await Next());
        Assert.Contains("home", await ExportedAsync(), StringComparison.Ordinal);
        _experiments.Set(Streams.Experiment(name: "other"));
        Assert.Equal("home stopped", await Next());
        // Comes after what was deleted has been put away.
        Assert.Equal("other read", await Next());
        var exported = await ExportedAsync();
        Assert.DoesNotContain("home", exported, StringComparison.Ordinal);
        Assert.Contains("other", exported, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Experiment_created_again_is_another_one()
    {
        await StartAsync(Streams.Experiment());
        Assert.Equal("home read", await Next());
        _experiments.Set(Streams.Experiment(createdAt: 1));
        Assert.Equal("home stopped", await Next());
        Assert.Equal("home read", await Next());
    }

    [Fact]
    public async Task Failed_loop_starts_again_and_the_others_do_not_notice()
    {
        _source.Failures["home"] = 1;
        await StartAsync(Streams.Experiment(), Streams.Experiment(name: "other"));
        var said = new List<string> { await Next(), await Next(), await Next() };
        Assert.Equal(["home failed", "home read", "other read"], said.Order(StringComparer.Ordinal));
        Assert.Contains(_rig.Messages.All, static m => m.Id == 2006);
        await _service.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(5, _rig.Stores.Heads[("home", 0)].Head.Interactions);
    }

    [Fact]
    public async Task Experiments_that_cannot_be_read_leave_those_that_run_alone()
    {
        await StartAsync(Streams.Experiment());
        Assert.Equal("home read", await Next());
        _experiments.Problem = new StoreUnavailableException("away");
        _experiments.Set(Streams.Experiment());
        await _experiments.Failed.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        _experiments.Set(Streams.Experiment(), Streams.Experiment(name: "other"));
        // The pause after the failure follows the fake clock; the service may not have begun it yet when the clock moves, so it moves until heard.
        var next = Next();
        while (!next.IsCompleted)
        {
            _rig.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(next, Task.Yield().AsTask());
        }
        Assert.Equal("other read", await next);
        Assert.Contains(_rig.Messages.All, static m => m.Id == 2010);
    }

    private async Task<string> ExportedAsync()
    {
        using var text = new MemoryStream();
        await _rig.Registry.CollectAndExportAsTextAsync(text, TestContext.Current.CancellationToken);
        return System.Text.Encoding.UTF8.GetString(text.ToArray());
    }

    /// <summary>Hands over the whole log, says so, and waits to be stopped.</summary>
    private sealed class LiveSource(MemoryLog log) : IEventSource
    {
        public System.Threading.Channels.Channel<string> Said { get; } = System.Threading.Channels.Channel.CreateUnbounded<string>();

        public ConcurrentDictionary<string, int> Failures { get; } = [];

        public void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken)
        {
            var next = owner.Assigned(0);
            if (Failures.TryRemove(experiment, out _))
            {
                Said.Writer.TryWrite($"{experiment} failed");
                throw new InvalidOperationException("The log broke.");
            }
            for (; next < log.Records.Count; next++)
                owner.Handle(log[(int)next]);
            owner.Idle(true);
            Said.Writer.TryWrite($"{experiment} read");
            cancellationToken.WaitHandle.WaitOne();
            owner.Revoked(0);
            Said.Writer.TryWrite($"{experiment} stopped");
        }
    }
}

internal static class YieldExtensions
{
    public static async Task AsTask(this System.Runtime.CompilerServices.YieldAwaitable yield) => await yield;
}
