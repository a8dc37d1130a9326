using Xunit;

namespace Recsys.Infrastructure.Tests.Kafka;

/// <summary>Rebalances take seconds each on the mock cluster, so they run beside the other classes.</summary>
public sealed class KafkaGroupTests : KafkaSourceTests
{
    [Fact]
    public async Task Two_learners_share_the_partitions_and_one_takes_over_from_the_other()
    {
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 20);
        var checkpoints = new Dictionary<int, long>();
        var first = new RecordingOwner { Checkpoints = checkpoints };
        Read(first);
        await Eventually(() => first.Records.Count == 20 && first.Owned.Length == 4, "one reader reads all");

        var second = new RecordingOwner { Checkpoints = checkpoints };
        var leaving = Read(second);
        await Eventually(
            () => first.Owned is { Length: 2 } a && second.Owned is { Length: 2 } b && a.Concat(b).Order().SequenceEqual([0, 1, 2, 3]), "two each");
        await Write(publisher, 20, 20);
        await Eventually(() => first.Records.Count + second.Records.Count == 40, "both read on");
        Assert.NotEmpty(second.Records);

        await leaving.StopAsync();
        await Eventually(() => first.Owned.Length == 4, "the first takes over");
        await Write(publisher, 40, 20);
        await Eventually(() => first.Records.Count + second.Records.Count >= 60, "the rest");
        // Every record once, although partitions changed hands twice.
        Assert.Equal(Enumerable.Range(0, 60), Numbers(first.Records.Concat(second.Records)));
    }
}
