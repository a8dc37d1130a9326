using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

public sealed class CadenceTests
{
    private static readonly TrainingOptions Options = new();

    [Theory]
    [InlineData(0, 1e9, 0, false)] // nothing learned
    [InlineData(1, 50, 0, true)] // the interval has passed
    [InlineData(1, 49.9, 0, false)]
    [InlineData(20_000, 1, 0, true)] // much learned
    [InlineData(19_999, 49, 0, false)]
    [InlineData(1, 60, 20, false)] // the last one took 20 ms: at most a fifth of the time
    [InlineData(1, 80, 20, true)]
    [InlineData(50_000, 79, 20, false)]
    public void Publication(long unpublished, double sinceLast, double cost, bool due) =>
        Assert.Equal(due, Cadence.IsPublicationDue(Options, unpublished, sinceLast, cost));

    [Theory]
    [InlineData(1_000_000, 1_000_000, 1e9, 0, true)] // as much has changed as there is
    [InlineData(999_999, 1_000_000, 1e9, 0, false)]
    [InlineData(Cadence.BaseBytesMin - 1, 20, 1e9, 0, false)] // too little to be worth it
    [InlineData(Cadence.BaseBytesMin, 20, 1e9, 0, true)]
    [InlineData(9_000_000, 1_000_000, 7999, 2000, false)] // the last one took two seconds
    [InlineData(9_000_000, 1_000_000, 8000, 2000, true)]
    public void Base(long deltaBytes, long baseBytes, double sinceLast, double cost, bool due) =>
        Assert.Equal(due, Cadence.IsBaseDue(deltaBytes, baseBytes, sinceLast, cost));

    [Theory]
    [InlineData(0, 250, true)]
    [InlineData(0, 249, false)]
    [InlineData(1, 1e9, false)]
    public void Heartbeat(long unpublished, double sinceLast, bool due) => Assert.Equal(due, Cadence.IsHeartbeatDue(Options, unpublished, sinceLast));

    [Theory]
    [InlineData(1, 2000, 0, true)]
    [InlineData(0, 1e9, 0, false)]
    [InlineData(1_000_000, 1999, 0, false)]
    [InlineData(1, 2000, 501, false)]
    [InlineData(1, 2004, 501, true)]
    public void Save(long unsaved, double sinceLast, double cost, bool due) =>
        Assert.Equal(due, Cadence.IsCheckpointDue(Options, unsaved, sinceLast, cost));

    [Theory]
    [InlineData(1000L, 1100, 1000, true, true)]
    [InlineData(1000L, 1099, 1000, true, false)] // a last-moment reward may be under way
    [InlineData(1000L, 5000, 999, true, false)] // one tick closes all that is due
    [InlineData(1000L, 5000, 1000, false, false)] // an event may be waiting in the log
    [InlineData(null, 5000, 1e9, true, false)]
    public void Tick(long? deadline, long now, double sinceLast, bool caughtUp, bool due) =>
        Assert.Equal(due, Cadence.IsTickDue(Options, deadline, now, sinceLast, caughtUp));

    [Fact]
    public void Nothing_published_yet_is_due_at_once() => Assert.True(Cadence.IsPublicationDue(Options, 1, 0 - double.MinValue, 0));

    [Fact]
    public void Backoff_doubles_to_its_bound_and_starts_over()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(1));
        Assert.True(backoff.IsOver(0));
        var pauses = new List<double>();
        for (var now = 0.0; pauses.Count < 5; now += backoff.Pause.TotalMilliseconds)
        {
            Assert.True(backoff.IsOver(now));
            backoff.Failed(now);
            Assert.False(backoff.IsOver(now + backoff.Pause.TotalMilliseconds - 1));
            pauses.Add(backoff.Pause.TotalMilliseconds);
        }
        Assert.Equal([250, 500, 1000, 1000, 1000], pauses);
        backoff.Succeeded();
        Assert.False(backoff.IsAway);
        Assert.True(backoff.IsOver(0));
        backoff.Failed(0);
        Assert.Equal(250, backoff.Pause.TotalMilliseconds);
    }
}
