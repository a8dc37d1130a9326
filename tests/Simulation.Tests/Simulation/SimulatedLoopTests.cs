using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Learner.Simulation;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class SimulatedLoopTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 4)]
    [InlineData(7, 1)]
    [InlineData(7, 3)]
    public void Complete_learns_after_the_delay_in_whole_batches(int delay, int batch)
    {
        var loop = Loop(delay, batch);
        for (var round = 0; round < 50; round++)
        {
            // Before round t, the rewards of rounds 0 … t − 1 − delay are visible, and whole batches of them are learned.
            var visible = Math.Max(0, round - delay);
            Assert.Equal(visible / batch * batch, loop.Learned);
            Assert.Equal(loop.Learned, loop.Policy.Descriptor.Version);
            Decide(loop);
        }
    }

    [Fact]
    public void Decide_draws_from_the_round_and_the_seed()
    {
        int[] Draws(long seed)
        {
            var loop = new SimulatedLoop(PolicyOptions.Configure("uniform", [], new FeatureSchema()), 0, 1, seed);
            return [.. Enumerable.Range(0, 200).Select(_ => Decide(loop))];
        }

        Assert.Equal(Draws(1), Draws(1));
        Assert.NotEqual(Draws(1), Draws(2));
        Assert.Equal(3, Draws(1).Distinct().Count());
    }

    private static SimulatedLoop Loop(int delay, int batch) =>
        new(PolicyOptions.Configure("uniform", [], new FeatureSchema()), delay, batch, seed: 1);

    private static int Decide(SimulatedLoop loop)
    {
        var candidates = new[] { "a", "b", "c" }
            .Select(static id => new Candidate(Encoding.UTF8.GetBytes(id), ActionKey.Of(id), FeatureSet.Empty)).ToArray();
        ClusterWeight[] clusters = [new ClusterWeight(0, 1)];
        var slot = loop.Decide(new DecisionQuery(FeatureSet.Empty, candidates, clusters));
        loop.Complete(new Interaction(FeatureSet.Empty, candidates[slot.Action].Key, FeatureSet.Empty, clusters, slot.Propensity, 1, loop.Now));
        return slot.Action;
    }
}
