using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>Networks that have become worse do not replace those that are served, for a while; a world that has moved does not stop publishing.</summary>
public sealed class RegressionGuardTests
{
    private const string Policy = "neu-fast-cb hidden=16 networks=2 rate=0.01";
    private static readonly string[] Actions = ["a", "b", "c"];

    [Fact]
    public void A_ruined_network_is_held_back_and_a_sound_one_published_again()
    {
        var kind = new RuinedKind();
        var (rig, experiment) = Learned(kind, 200);
        var good = rig.Stores.Publications[^1];
        Assert.Equal(200, good.Interactions);

        kind.IsRuined = true;
        Interact(rig, 10);
        Assert.Equal(good, rig.Stores.Publications[^1]);
        Assert.Equal(10, HeldBack(rig));
        var message = Assert.Single(rig.Messages.All, static m => m.Id == 2019).Text;
        Assert.Contains("home/0: the new parameters foresee rewards worse than the last ones, which still stand: The mean squared error over the newest 64", message, StringComparison.Ordinal);
        Assert.True(Estimates(rig, experiment)[0] > 0.8);

        kind.IsRuined = false;
        Interact(rig, 1);
        Assert.Equal(211, rig.Stores.Publications[^1].Interactions);
        Assert.Equal(10, HeldBack(rig));
        Assert.Contains("published again after 10 that were held back", Assert.Single(rig.Messages.All, static m => m.Id == 2020).Text, StringComparison.Ordinal);
        // What was learned meanwhile is what the log says, guarded or not.
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
    }

    [Fact]
    public void Nothing_is_held_back_for_ever()
    {
        var kind = new RuinedKind();
        var (rig, experiment) = Learned(kind, 200);
        kind.IsRuined = true;
        Interact(rig, PublishGuard.HeldBackMax);
        Assert.Equal((200, PublishGuard.HeldBackMax), (rig.Stores.Publications[^1].Interactions, HeldBack(rig)));
        Interact(rig, 1);
        Assert.Equal(201 + PublishGuard.HeldBackMax, rig.Stores.Publications[^1].Interactions);
        Assert.True(Estimates(rig, experiment)[0] < 0.2);
        // From there on the ruined one is what others are compared with.
        Interact(rig, 1);
        Assert.Equal(202 + PublishGuard.HeldBackMax, rig.Stores.Publications[^1].Interactions);
    }

    [Fact]
    public void Held_back_parameters_are_not_tried_again_before_the_interval_has_passed()
    {
        var kind = new RuinedKind();
        var (rig, _) = Learned(kind, 200);
        kind.IsRuined = true;
        Interact(rig, 1);
        for (var i = 0; i < 5; i++)
            Interact(rig, 1, TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, HeldBack(rig));
    }

    /// <summary>The rewards of the actions change places. The networks on their way from one world to the other are published, and soon know the new one.</summary>
    [Fact]
    public void After_the_world_has_moved_publishing_goes_on()
    {
        var (rig, experiment) = Learned(null, 300);
        Assert.True(Estimates(rig, experiment) is [> 0.8f, _, < 0.2f]);
        var before = rig.Stores.Publications.Count;
        Interact(rig, 300, best: "c");
        var published = rig.Stores.Publications.Count - before;
        Assert.True(published >= 270, $"{published} of 300, {HeldBack(rig)} held back");
        Assert.Equal(600, rig.Stores.Publications[^1].Interactions);
        Assert.True(Estimates(rig, experiment) is [< 0.2f, _, > 0.8f]);
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
    }

    [Theory]
    [InlineData(Policy, PartitionState.RecentMax)]
    [InlineData("neural-linear hidden=16 networks=1", PartitionState.RecentMax)]
    [InlineData("lin-ucb", 0)]
    [InlineData("diag-lin-ucb", 0)]
    [InlineData("uniform", 0)]
    public void Only_of_networks_are_interactions_kept_and_only_the_newest(string policy, int kept)
    {
        var experiment = Streams.Experiment(policy);
        var rig = new LearnerRig();
        rig.Assign(experiment);
        Interact(rig, 100);
        using var state = new PartitionState(experiment);
        foreach (var record in rig.Log.All)
            state.Take(record, learns: true);
        state.Learn();
        Assert.Equal(kept, state.Recent.Count);
        if (kept > 0)
            Assert.Same(state.Newest, state.Recent.Last());
    }

    private static (LearnerRig Rig, Experiment Experiment) Learned(RuinedKind? kind, int interactions)
    {
        var rig = new LearnerRig(null, kind is null ? null : new TrainerFactory(kind));
        var experiment = Streams.Experiment(Policy);
        rig.Assign(experiment);
        rig.Feed();
        Interact(rig, interactions);
        return (rig, experiment);
    }

    /// <summary>Shows the actions in turn; one of them earns a reward.</summary>
    private static void Interact(LearnerRig rig, int count, TimeSpan? pause = null, string best = "a")
    {
        for (var i = 0; i < count; i++)
        {
            rig.Advance(pause ?? TimeSpan.FromMilliseconds(100));
            var shown = rig.Log.Records.Count / 2 % Actions.Length;
            var id = $"d{rig.Log.Records.Count}";
            rig.Log.Append(Streams.Decision(id, rig.Now) with { Chosen = [new ChosenSlot(shown, 1f / 3)] });
            rig.Log.Append(new RewardEvent(id, rig.Now, Actions[shown] == best ? 1 : 0));
            rig.Feed();
        }
    }

    private static int HeldBack(LearnerRig rig)
    {
        const string Line = "recsys_params_held_back_total{experiment=\"home\"} ";
        return int.Parse(rig.Scrape().Split('\n').Single(static line => line.StartsWith(Line, StringComparison.Ordinal))[Line.Length..], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>What is served expects of each action.</summary>
    private static float[] Estimates(LearnerRig rig, Experiment experiment)
    {
        var spec = experiment.Definition.Policy;
        var (head, framed) = rig.Stores.Heads[("home", 0)];
        SnapshotFraming.Open(framed, spec.Fingerprint, out var payload);
        var policy = PolicyCatalog.Find(spec.Kind).Assemble(spec, [new PolicyShard(0, head.Interactions, payload)]);
        var decision = Streams.Decision("asked", 1);
        var (means, widths) = (new float[Actions.Length], new float[Actions.Length]);
        policy.Estimate(new DecisionQuery(decision.Context, [.. decision.Actions.Select(static a => new Candidate(default, a.Key, a.Features))], []), means, widths);
        return means;
    }

    /// <summary>Stands in for <c>neu-fast-cb</c>; what it publishes has learned the opposite of every reward while <see cref="IsRuined"/>.</summary>
    private sealed class RuinedKind : IPolicyKind
    {
        private readonly IPolicyKind _kind = PolicyCatalog.Find("neu-fast-cb");

        public bool IsRuined { get; set; }

        public string Name => _kind.Name;

        public IReadOnlyList<Hyperparameter> Hyperparameters => _kind.Hyperparameters;

        public IPolicyTrainer CreateTrainer(PolicySpec spec) => new RuinedTrainer(this, (INetworkTrainer)_kind.CreateTrainer(spec), _kind.CreateTrainer(spec));

        public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null) => _kind.Assemble(spec, shards, previous);
    }

    private sealed class RuinedTrainer(RuinedKind kind, INetworkTrainer trainer, IPolicyTrainer opposite) : INetworkTrainer
    {
        public long Interactions => trainer.Interactions;

        public double PrequentialLoss => trainer.PrequentialLoss;

        public long DriftAlarms => trainer.DriftAlarms;

        public long RefusedInputs => trainer.RefusedInputs;

        public long NetworkRestarts => trainer.NetworkRestarts;

        public void Learn(ReadOnlySpan<Interaction> batch)
        {
            trainer.Learn(batch);
            foreach (var interaction in batch)
                opposite.Learn([interaction with { Reward = 1 - interaction.Reward }]);
        }

        public void WriteParameters(IBufferWriter<byte> output) => (kind.IsRuined ? opposite : trainer).WriteParameters(output);

        public void WriteCheckpoint(IBufferWriter<byte> output) => trainer.WriteCheckpoint(output);

        public void ReadCheckpoint(ReadOnlySpan<byte> input) => trainer.ReadCheckpoint(input);
    }
}
