using Recsys.Bandits.Interactions;
using Recsys.Learner.Tests.Support;

namespace Recsys.Learner.Tests;

/// <summary>A learner that follows one which has published and then died.</summary>
public sealed class SuccessorTests
{
    [Fact]
    public void Successor_of_one_that_died_before_its_first_checkpoint_does_not_take_back_what_it_published()
    {
        var rig = new LearnerRig();
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        for (var i = 0; i < 20; i++)
        {
            rig.Log.Append(Streams.Decision($"d{i}", rig.Now));
            rig.Log.Append(new RewardEvent($"d{i}", rig.Now, 1));
        }
        rig.Feed();
        Assert.Equal(20, rig.Stores.Publications[^1].Interactions);
        Assert.Null(rig.Outlets.Checkpoints.Load("home", 0));

        // Its clock runs on: the log was written before it took over.
        rig.Advance(TimeSpan.FromMilliseconds(20));
        var before = rig.Stores.Publications.Count;
        rig.Assign(experiment);
        for (var record = 0; record < 40; record++)
            rig.Feed(1);
        Assert.All(rig.Stores.Publications.Skip(before), static head => Assert.Equal((20L, true), (head.Interactions, head.AsOf > 0)));
        Assert.True(rig.Stores.Publications.Count > before, "The successor published.");
    }

    [Fact]
    public void Nothing_is_published_as_long_as_nothing_is_known_of_the_log()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Advance(TimeSpan.FromMinutes(1));
        rig.Loop.Idle(caughtUp: false);
        rig.Loop.Revoked(0);
        Assert.Empty(rig.Stores.Publications);
    }
}
