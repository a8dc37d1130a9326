using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Prometheus;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Policies;
using Recsys.Infrastructure.Experiments;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Api.Tests.Snapshots;

/// <summary>What serves is what was learned; what cannot be used is refused once and got around, without asking for it for ever.</summary>
public sealed class DeltaRefreshTests
{
    private const string Definition = """{"policy":{"kind":"uniform"}}""";

    private readonly SumKind _kind = new();
    private readonly ScriptedSnapshots _store = new();
    private readonly FakeTimeProvider _time = new();
    private readonly PolicySlot _slot = new();
    private readonly ApiMetrics.ForExperiment _metrics = Counts();
    private readonly ParameterRefresh _refresh;

    public DeltaRefreshTests() => _refresh = Refresh(Definition, _slot, _metrics);

    private static PolicySpec Spec => Experiment(Definition).Definition.Policy;

    private static Experiment Experiment(string definition) =>
        new("home", ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(definition), new List<KeyValuePair<string, string>>())!, 1, GraphHead.None);

    private static ApiMetrics.ForExperiment Counts() => new ApiMetrics(Metrics.WithCustomRegistry(Metrics.NewCustomRegistry())).For("home", "uniform");

    private ParameterRefresh Refresh(string definition, PolicySlot slot, ApiMetrics.ForExperiment metrics) =>
        ParameterRefresh.Create(new RefreshParts(Experiment(definition), slot, _store, metrics, _time, NullLogger.Instance), _kind);

    private Shard Put(int partition, int interactions, long epoch = 1)
    {
        var shard = new Shard(Spec, partition, epoch).Learn(interactions).Whole();
        _store.Put(shard);
        return shard;
    }

    private async Task Look(int times = 1)
    {
        for (var i = 0; i < times; i++)
            await _refresh.RefreshAsync(TestContext.Current.CancellationToken);
    }

    private void AssertServes(params Shard[] shards) =>
        Assert.Equal(((SumPolicy)_kind.Assemble(Spec, [.. shards.Select(static s => s.Learned)])).Sums.ToBytes(), ((SumPolicy)_slot.Current.Policy!).Sums.ToBytes());

    [Fact]
    public async Task Starts_with_whole_parameters_and_goes_on_with_deltas_alone()
    {
        await Look();
        Assert.Null(_slot.Current.Policy);
        var (a, b) = (Put(0, 3).Learn(2).Delta().Learn(1).Delta(), Put(1, 5));
        await Look();
        AssertServes(a, b);
        Assert.Equal(2, _store.WholesFetched);
        for (var i = 0; i < 5; i++)
        {
            var before = _slot.Current.Policy;
            a.Learn(1).Delta().Learn(1).Delta();
            b.Learn(i + 1).Delta();
            await Look();
            AssertServes(a, b);
            Assert.NotSame(before, _slot.Current.Policy);
        }
        var (fetches, policy) = (_store.Fetches, _slot.Current.Policy);
        await Look(3);
        Assert.Equal(fetches, _store.Fetches);
        Assert.Same(policy, _slot.Current.Policy);
        Assert.Equal((2, 0.0, 0.0), (_store.WholesFetched, _metrics.Gaps.Value, _metrics.Corrupt.Value));
        Assert.Equal(2 + 10 + 5, _metrics.Deltas.Value);
    }

    [Fact]
    public async Task Time_of_what_serves_is_that_of_the_partition_that_is_furthest_back()
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        (a.AsOf, b.AsOf) = (50, 60);
        await Look();
        Assert.Equal(50, _slot.Current.AsOf);
        a.AsOf = 70;
        await Look();
        Assert.Equal(60, _slot.Current.AsOf);
        b.Learn(1).Delta().AsOf = 80;
        await Look();
        Assert.Equal(70, _slot.Current.AsOf);
    }

    [Fact]
    public async Task New_base_is_not_fetched_by_who_follows()
    {
        var shard = Put(0, 3);
        await Look();
        shard.Learn(2).Delta().Whole();
        await Look();
        shard.Learn(2).Delta();
        await Look();
        AssertServes(shard);
        Assert.Equal(1, _store.WholesFetched);
    }

    [Fact]
    public async Task Gap_is_got_over_by_fetching_everything()
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        await Look();
        a.Learn(2).Whole();
        b.Learn(1).Delta();
        await Look();
        AssertServes(a, b);
        Assert.Equal((1.0, 0.0), (_metrics.Gaps.Value, _metrics.Corrupt.Value));
        a.Learn(2).Delta();
        await Look();
        AssertServes(a, b);
        Assert.Equal(1.0, _metrics.Gaps.Value);
    }

    [Fact]
    public async Task Later_tenure_replaces_what_the_former_had_learned_even_when_that_was_more()
    {
        var (a, b) = (Put(0, 9), Put(1, 3).Learn(1).Delta());
        await Look();
        AssertServes(a, b);
        a = Put(0, 4, epoch: 2).Learn(1).Delta();
        await Look();
        AssertServes(a, b);
        // The former one wakes up once more.
        Put(0, 20, epoch: 1);
        await Look();
        AssertServes(a, b);
        Assert.Equal(0.0, _metrics.Gaps.Value);
    }

    [Fact]
    public async Task Delta_damaged_on_its_way_is_refused_and_the_whole_fetched_once()
    {
        var shard = Put(0, 3);
        await Look();
        shard.Learn(2).Delta();
        var damage = true;
        _store.Answer = (_, update) =>
        {
            if (!damage)
                return update;
            damage = false;
            var bytes = update!.Deltas[0].ToArray();
            bytes[^1] ^= 1;
            return update with { Deltas = [bytes] };
        };
        await Look();
        AssertServes(shard);
        Assert.Equal((1.0, 1.0, 2), (_metrics.Gaps.Value, _metrics.Corrupt.Value, _store.WholesFetched));
    }

    [Theory]
    [InlineData("0 0")]
    [InlineData("1 0")]
    [InlineData("1")]
    [InlineData("0")]
    [InlineData("0 1 1")]
    public async Task Deltas_out_of_place_are_not_applied_whatever_the_store_says(string order)
    {
        var shard = Put(0, 3);
        await Look();
        shard.Learn(2).Delta().Learn(2).Delta();
        _store.Answer = (_, update) => update is { Whole: null } ? update with { Deltas = [.. order.Split(' ').Select(i => update.Deltas[int.Parse(i)])] } : update;
        await Look();
        AssertServes(shard);
        Assert.Equal((1.0, 2), (_metrics.Gaps.Value, _store.WholesFetched));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Delta_that_is_bad_in_the_store_is_not_asked_for_again_until_a_base_does_without_it(bool frame)
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        await Look();
        a.Learn(2).Delta(frame ? null : static payload => payload[1..]).Learn(1).Delta();
        if (frame)
            a.Deltas[0][^1] ^= 1;
        b.Learn(1).Delta();
        await Look(10);
        // The other partition goes on, and this one stands where it stood.
        var stood = new Shard(Spec, 0).Learn(3);
        AssertServes(stood, b);
        Assert.Equal(2.0, _metrics.Corrupt.Value);
        var fetches = _store.Fetches;
        a.Learn(1).Delta();
        await Look(10);
        Assert.Equal(fetches, _store.Fetches);
        b.Learn(1).Delta();
        await Look();
        AssertServes(stood, b);

        a.Learn(1).Delta().Whole();
        await Look();
        AssertServes(a, b);
        a.Learn(1).Delta();
        await Look();
        AssertServes(a, b);
    }

    [Fact]
    public async Task New_replica_serves_what_leads_up_to_a_bad_delta()
    {
        var a = Put(0, 3).Learn(1).Delta();
        var good = new Shard(Spec, 0).Learn(4);
        a.Learn(1).Delta().Learn(1).Delta();
        a.Deltas[1][60] ^= 1;
        await Look(5);
        AssertServes(good);
        Assert.Equal(1.0, _metrics.Corrupt.Value);
    }

    [Fact]
    public async Task Bad_whole_parameters_do_not_hold_the_others_back()
    {
        var (a, b) = (Put(0, 3), Put(1, 3).Learn(1).Delta());
        a.WholeFramed[^1] ^= 1;
        await Look(5);
        AssertServes(b);
        Assert.Equal(1.0, _metrics.Corrupt.Value);
        a.Learn(1).Whole();
        await Look();
        AssertServes(a, b);
    }

    [Fact]
    public async Task Bad_whole_parameters_of_a_later_tenure_leave_what_serves()
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        await Look();
        var next = Put(0, 5, epoch: 2);
        next.WholeFramed[50] ^= 1;
        b.Learn(1).Delta();
        await Look(5);
        AssertServes(a, b);
        Assert.Equal(1.0, _metrics.Corrupt.Value);
        next.Learn(1).Whole();
        await Look();
        AssertServes(next, b);
    }

    [Fact]
    public async Task Partition_that_the_store_has_lost_is_not_dropped()
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        await Look();
        _store.Remove(0);
        b.Learn(1).Delta();
        await Look();
        AssertServes(a, b);
        // Another tenure of the other one would need everything: it waits, and nothing is fetched for it.
        var wholes = _store.WholesFetched;
        var later = Put(1, 2, epoch: 2);
        await Look(5);
        AssertServes(a, b);
        Assert.Equal(wholes, _store.WholesFetched);
        _store.Put(a.Learn(1).Whole());
        await Look();
        AssertServes(a, later);
    }

    [Fact]
    public async Task Replaced_between_head_and_fetch_it_is_looked_for_again()
    {
        var shard = Put(0, 3);
        var misses = 2;
        _store.Answer = (_, update) => misses-- > 0 ? null : update;
        await Look();
        AssertServes(shard);
        shard.Learn(1).Delta();
        misses = 2;
        await Look();
        AssertServes(shard);
        shard.Learn(1).Delta();
        misses = int.MaxValue;
        await Look();
        Assert.NotNull(_slot.Current.Policy);
        misses = 0;
        await Look();
        AssertServes(shard);
    }

    [Fact]
    public async Task Fetching_everything_is_not_repeated_before_four_times_what_it_took()
    {
        var (a, b) = (Put(0, 3), Put(1, 3));
        _store.Answer = (_, update) =>
        {
            _time.Advance(TimeSpan.FromSeconds(update?.Whole is null ? 0 : 1));
            return update;
        };
        await Look();
        Assert.Equal(2, _store.WholesFetched);
        a = Put(0, 4, epoch: 2);
        b.Learn(1).Delta();
        _time.Advance(TimeSpan.FromSeconds(7.9));
        await Look();
        // It took two seconds. Until then the others go on.
        Assert.Equal(2, _store.WholesFetched);
        AssertServes(new Shard(Spec, 0).Learn(3), b);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await Look();
        AssertServes(a, b);
    }

    [Fact]
    public async Task New_definition_of_the_same_fingerprint_goes_on_with_what_serves()
    {
        var shard = Put(0, 3);
        await Look();
        var next = new PolicySlot();
        var heir = Refresh("""{"policy":{"kind":"uniform"},"exploration":{"minimumPropensity":0.125}}""", next, Counts());
        var fetches = _store.Fetches;
        heir.TakeOver(_refresh);
        Assert.Equal(fetches, _store.Fetches);
        Assert.Equal(((SumPolicy)_slot.Current.Policy!).Sums.ToBytes(), ((SumPolicy)next.Current.Policy!).Sums.ToBytes());
        Assert.Equal((0.125, shard.AsOf), (((SumPolicy)next.Current.Policy!).MinimumPropensity, next.Current.AsOf));
        shard.Learn(1).Delta();
        Assert.True(await heir.RefreshAsync(TestContext.Current.CancellationToken));
        Assert.Equal(4, next.Current.Policy.Descriptor.Version);
        Assert.Equal(1, _store.WholesFetched);
    }

    [Fact]
    public async Task New_definition_of_another_fingerprint_serves_nothing_until_there_is_something()
    {
        Put(0, 3).Learn(1).Delta();
        await Look();
        var next = new PolicySlot();
        var counts = Counts();
        var heir = Refresh("""{"policy":{"kind":"uniform"},"features":{"context":{"vector":3}}}""", next, counts);
        heir.TakeOver(_refresh);
        Assert.Same(ServingState.Outdated, next.Current);
        for (var i = 0; i < 5; i++)
            Assert.False(await heir.RefreshAsync(TestContext.Current.CancellationToken));
        Assert.Same(ServingState.Outdated, next.Current);
        Assert.Equal((1.0, 0.0), (counts.OtherDefinition.Value, counts.Corrupt.Value));
    }

    [Fact]
    public async Task Kind_without_deltas_refuses_them()
    {
        var slot = new PolicySlot();
        var counts = Counts();
        var refresh = ParameterRefresh.Create(new RefreshParts(Experiment(Definition), slot, _store, counts, _time, NullLogger.Instance));
        Put(0, 3).Learn(1).Delta();
        for (var i = 0; i < 3; i++)
            Assert.False(await refresh.RefreshAsync(TestContext.Current.CancellationToken));
        Assert.Null(slot.Current.Policy);
        Assert.Equal(1.0, counts.Corrupt.Value);
    }
}
