using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;
using Recsys.TestKit;

namespace Recsys.Learner.Tests;

/// <summary>When whole parameters are published and when what changed; and that both together are what was learned, whatever goes wrong on the way.</summary>
public sealed class DeltaPublishingTests
{
    private static readonly Experiment Home = Streams.Experiment();

    private readonly SumKind _kind = new();
    private readonly LearnerRig _rig;
    private int _decisions;

    public DeltaPublishingTests()
    {
        _rig = new LearnerRig(trainers: new TrainerFactory(_kind));
        _rig.Assign(Home);
    }

    private int Whole => _rig.Stores.Publications.Count - _rig.Stores.DeltaPublications.Count;

    private int Deltas => _rig.Stores.DeltaPublications.Count;

    private static byte[] Bytes(IPolicy policy) => ((SumPolicy)policy).Sums.ToBytes();

    /// <summary>Learns from so many decisions, and gives whatever is due the time to happen.</summary>
    private void Learn(int count = 3)
    {
        for (var i = 0; i < count; i++)
        {
            _rig.Log.Append(Streams.Decision($"d{_decisions}", _rig.Now, random: new Random(_decisions)));
            _rig.Log.Append(new RewardEvent($"d{_decisions}", _rig.Now, _decisions % 7 / 10.0));
            _decisions++;
        }
        _rig.Advance(TimeSpan.FromSeconds(2));
        _rig.Feed();
    }

    /// <summary>What readers make of what is published is what a learner makes of the log.</summary>
    private void AssertEqualsLog()
    {
        var state = new PartitionState(Home, new TrainerFactory(_kind));
        foreach (var record in _rig.Log.All)
            state.Take(record, learns: true);
        var expected = _kind.Assemble(Home.Definition.Policy, [new PolicyShard(0, state.Interactions, state.Parameters())]);
        Assert.Equal(Bytes(expected), Bytes(_rig.Stores.Assemble(_kind, Home.Definition.Policy, "home", 0)));
        Assert.Equal(_decisions, _rig.Stores.Heads[("home", 0)].Head.Interactions);
    }

    [Fact]
    public void Whole_comes_first_and_then_what_changed()
    {
        Learn();
        Assert.Equal((1, 0), (Whole, Deltas));
        for (var i = 0; i < 5; i++)
            Learn();
        Assert.Equal((1, 5), (Whole, Deltas));
        AssertEqualsLog();
        var scrape = _rig.Scrape();
        Assert.Contains($$"""recsys_params_published_bytes_total{experiment="home",form="whole"} {{_rig.Stores.Heads[("home", 0)].Framed.Length}}""", scrape, StringComparison.Ordinal);
        Assert.Contains(
            $$"""recsys_params_published_bytes_total{experiment="home",form="delta"} {{_rig.Stores.Deltas[("home", 0)].Sum(static d => d.Length)}}""", scrape, StringComparison.Ordinal);
    }

    [Fact]
    public void Kind_without_deltas_is_always_published_whole()
    {
        var rig = new LearnerRig();
        rig.Assign(Home);
        for (var i = 0; i < 3; i++)
        {
            rig.Log.Append(Streams.Decision($"d{i}", rig.Now));
            rig.Log.Append(new RewardEvent($"d{i}", rig.Now, 1));
            rig.Advance(TimeSpan.FromSeconds(1));
            rig.Feed();
        }
        Assert.Equal(3, rig.Stores.Publications.Count);
        Assert.Empty(rig.Stores.DeltaPublications);
    }

    [Fact]
    public void Successor_starts_with_the_whole()
    {
        Learn();
        Learn();
        _rig.Loop.Revoked(0);
        _rig.Assign(Home);
        _rig.Advance(TimeSpan.FromSeconds(1));
        _rig.Feed();
        Assert.Equal((2, 1), (Whole, Deltas));
        Learn();
        Assert.Equal((2, 2), (Whole, Deltas));
        AssertEqualsLog();
    }

    [Fact]
    public void Store_that_has_lost_everything_gets_the_whole_from_a_busy_learner_and_from_an_idle_one()
    {
        Learn();
        Learn();
        _rig.Stores.Heads.Clear();
        Learn();
        Assert.Equal((2, 1), (Whole, Deltas));
        AssertEqualsLog();
        Learn();
        Assert.Equal((2, 2), (Whole, Deltas));
        _rig.Stores.Heads.Clear();
        _rig.Advance(TimeSpan.FromSeconds(1));
        _rig.Feed();
        Assert.Equal((3, 2), (Whole, Deltas));
        AssertEqualsLog();
        Learn();
        Assert.Equal((3, 3), (Whole, Deltas));
        AssertEqualsLog();
    }

    [Fact]
    public void What_could_not_be_published_is_part_of_the_next_delta()
    {
        Learn();
        _rig.Stores.Away = true;
        Learn();
        Learn();
        _rig.Stores.Away = false;
        Learn();
        Assert.Equal((1, 1), (Whole, Deltas));
        AssertEqualsLog();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lost_answer_never_makes_anything_count_twice(bool learnsMeanwhile)
    {
        Learn();
        Learn();
        _rig.Stores.LosesAnswer = static _ => true;
        Learn();
        _rig.Stores.LosesAnswer = static _ => false;
        Assert.Equal((1, 2), (Whole, Deltas));
        if (learnsMeanwhile)
            Learn();
        _rig.Advance(TimeSpan.FromSeconds(1));
        _rig.Feed();
        // The store was further than its writer knew, so only the whole would do.
        Assert.Equal((2, 2), (Whole, Deltas));
        AssertEqualsLog();
        Learn();
        Assert.Equal((2, 3), (Whole, Deltas));
        AssertEqualsLog();
    }

    [Fact]
    public void Lost_answer_to_the_first_whole_is_made_good_by_the_next()
    {
        _rig.Stores.LosesAnswer = static _ => true;
        Learn();
        _rig.Stores.LosesAnswer = static _ => false;
        Learn();
        Learn();
        Assert.True(Deltas > 0);
        AssertEqualsLog();
    }

    [Fact]
    public void New_base_follows_when_as_much_has_changed_as_there_is_and_the_version_stays()
    {
        Learn();
        for (var bytes = 0; Whole == 1;)
        {
            Assert.InRange(bytes, 0, Cadence.BaseBytesMin - 1);
            Learn(20);
            bytes = _rig.Stores.Deltas[("home", 0)].Sum(static d => d.Length);
        }
        var (head, before) = (_rig.Stores.Heads[("home", 0)].Head, _rig.Stores.Publications[^2]);
        Assert.Null(head.Base);
        Assert.True(head.IsVersionOf(before));
        AssertEqualsLog();
        Learn();
        Assert.Equal(2, Whole);
        Assert.Equal(head.Interactions, _rig.Stores.Heads[("home", 0)].Head.Base);
        AssertEqualsLog();
    }

    [Fact]
    public void Base_that_finds_no_store_does_not_stop_the_deltas()
    {
        Learn();
        while (_rig.Stores.Deltas[("home", 0)].Sum(static d => d.Length) < Cadence.BaseBytesMin - 200)
            Learn(20);
        var (whole, deltas) = (Whole, Deltas);
        // The store has the base, and its writer does not know.
        _rig.Stores.LosesAnswer = static isDelta => !isDelta;
        while (Whole == whole)
            Learn(20);
        _rig.Stores.LosesAnswer = static _ => false;
        Assert.True(Deltas > deltas);
        AssertEqualsLog();
        deltas = Deltas;
        Learn(20);
        Assert.Equal(deltas + 1, Deltas);
        AssertEqualsLog();
    }

    [Fact]
    public void Delta_that_no_reader_could_apply_is_withheld_and_the_whole_takes_its_place()
    {
        var broken = new BrokenDeltas();
        var rig = new LearnerRig(trainers: new TrainerFactory(broken));
        rig.Assign(Home);
        for (var i = 0; i < 3; i++)
        {
            rig.Log.Append(Streams.Decision($"d{i}", rig.Now));
            rig.Log.Append(new RewardEvent($"d{i}", rig.Now, 1));
            rig.Advance(TimeSpan.FromSeconds(1));
            rig.Feed();
        }
        Assert.Empty(rig.Stores.DeltaPublications);
        Assert.Equal([1L, 2L, 3L], rig.Stores.Publications.Select(static p => p.Interactions));
        Assert.Contains("""recsys_params_withheld_total{experiment="home"} 2""", rig.Scrape(), StringComparison.Ordinal);
    }

    /// <summary>Kills before or after every effect, then a successor: what readers have is what the log says.</summary>
    [Fact]
    public void Killed_at_any_step_readers_end_with_what_the_log_says()
    {
        for (var at = 0; ; at++)
        {
            var test = new DeltaPublishingTests();
            var killer = new Killer(at);
            test._rig.Stores.Killer = killer;
            var killed = false;
            for (var i = 0; i < 12; i++)
            {
                try
                {
                    test.Learn();
                }
                catch (KilledException)
                {
                    killed = true;
                    test._rig.Stores.Killer = new Killer();
                    test._rig.Assign(Home);
                }
            }
            test._rig.Stores.Killer = new Killer();
            test._rig.Advance(TimeSpan.FromSeconds(11));
            test._rig.Feed();
            test.AssertEqualsLog();
            if (!killed)
            {
                Assert.True(at > 20, $"Only {at} steps.");
                return;
            }
        }
    }

    private sealed class BrokenDeltas : IDeltaKind
    {
        private readonly SumKind _sums = new();

        public string Name => _sums.Name;

        public IReadOnlyList<Hyperparameter> Hyperparameters => [];

        public IPolicyTrainer CreateTrainer(PolicySpec spec) => _sums.CreateTrainer(spec);

        public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null) => _sums.Assemble(spec, shards, previous);

        public IPolicy Apply(PolicySpec spec, IPolicy policy, IReadOnlyList<PolicyShard> deltas) => throw new NotSupportedException();

        public void VerifyDelta(PolicySpec spec, ReadOnlySpan<byte> delta) => throw new Recsys.Bandits.Snapshots.SnapshotFormatException("It is no good.");
    }
}
