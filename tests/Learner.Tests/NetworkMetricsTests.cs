using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>What is exported about trainers of networks, each thing once across restarts, and that others export none of it.</summary>
public sealed class NetworkMetricsTests
{
    private static void Reward(LearnerRig rig, string id)
    {
        rig.Log.Append(Streams.Decision(id, rig.Now));
        rig.Log.Append(new RewardEvent(id, rig.Now, 1));
    }

    [Fact]
    public void Refused_inputs_and_restarts_are_counted_once_also_across_a_takeover()
    {
        var rig = new LearnerRig(new TrainingOptions { CheckpointInterval = TimeSpan.FromSeconds(1) }, new TrainerFactory(new CountingKind()));
        rig.Assign(Streams.Experiment());
        rig.Feed();
        Reward(rig, "d1");
        Reward(rig, "d2");
        rig.Feed();
        Assert.Contains("recsys_learner_refused_inputs_total{experiment=\"home\"} 14", rig.Scrape());
        Assert.Contains("recsys_learner_network_restarts_total{experiment=\"home\"} 4", rig.Scrape());
        rig.Advance(TimeSpan.FromSeconds(2));
        rig.Feed();
        Assert.True(rig.Stores.Saves > 0);

        // The successor begins with what the checkpoint says, which has been counted.
        rig.Assign(Streams.Experiment());
        Reward(rig, "d3");
        rig.Feed();
        Assert.Contains("recsys_learner_refused_inputs_total{experiment=\"home\"} 21", rig.Scrape());
        Assert.Contains("recsys_learner_network_restarts_total{experiment=\"home\"} 6", rig.Scrape());

        rig.Outlets.Metrics.Forget("home");
        Assert.DoesNotContain("recsys_learner_refused_inputs_total{", rig.Scrape());
        Assert.DoesNotContain("recsys_learner_network_restarts_total{", rig.Scrape());
        Assert.DoesNotContain("recsys_drift_detected_total{", rig.Scrape());
    }

    [Theory]
    [InlineData("neu-fast-cb hidden=16", true)]
    [InlineData("neural-linear hidden=16", true)]
    [InlineData("uniform", false)]
    [InlineData("lin-ucb", false)]
    public void They_exist_from_the_start_where_there_are_networks_and_nowhere_else(string policy, bool exist)
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment(policy));
        rig.Feed();
        Assert.Equal(exist, rig.Scrape().Contains("recsys_learner_refused_inputs_total{experiment=\"home\"} 0", StringComparison.Ordinal));
        Assert.Equal(exist, rig.Scrape().Contains("recsys_learner_network_restarts_total{experiment=\"home\"} 0", StringComparison.Ordinal));
    }

    /// <summary>Stands in for <c>uniform</c>, with seven refused inputs and two restarts at each interaction.</summary>
    private sealed class CountingKind : IPolicyKind
    {
        private readonly IPolicyKind _uniform = PolicyCatalog.Find("uniform");

        public string Name => _uniform.Name;

        public IReadOnlyList<Hyperparameter> Hyperparameters => [];

        public IPolicyTrainer CreateTrainer(PolicySpec spec) => new CountingTrainer(_uniform.CreateTrainer(spec));

        public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null) => _uniform.Assemble(spec, shards, previous);
    }

    private sealed class CountingTrainer(IPolicyTrainer trainer) : INetworkTrainer
    {
        public long Interactions => trainer.Interactions;

        public double PrequentialLoss => 0;

        public long DriftAlarms => trainer.Interactions;

        public long RefusedInputs => 7 * trainer.Interactions;

        public long NetworkRestarts => 2 * trainer.Interactions;

        public void Learn(ReadOnlySpan<Interaction> batch) => trainer.Learn(batch);

        public void WriteParameters(IBufferWriter<byte> output) => trainer.WriteParameters(output);

        public void WriteCheckpoint(IBufferWriter<byte> output) => trainer.WriteCheckpoint(output);

        public void ReadCheckpoint(ReadOnlySpan<byte> input) => trainer.ReadCheckpoint(input);
    }
}
