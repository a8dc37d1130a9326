using Confluent.Kafka;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Xunit;

namespace Recsys.Infrastructure.Tests.Kafka;

public sealed class KafkaEventSourceTests : KafkaSourceTests
{
    [Fact]
    public async Task Everything_is_read_in_order_and_the_next_reader_goes_on_from_the_checkpoint()
    {
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 40);
        var first = new RecordingOwner();
        var reading = Read(first);
        await Eventually(() => first.Records.Count == 40, "40 records");
        Assert.Equal([0, 1, 2, 3], first.Owned);
        await Eventually(() => first.CaughtUp == true, "caught up");
        await reading.StopAsync();
        Assert.Equal(4, first.Calls.Count(static c => c.StartsWith("revoked", StringComparison.Ordinal)));

        await Write(publisher, 40, 10);
        var second = new RecordingOwner { Checkpoints = first.Checkpoints };
        Read(second);
        await Eventually(() => second.Records.Count >= 10, "10 more records");
        await Eventually(() => second.CaughtUp == true, "caught up again");

        Assert.Equal(Enumerable.Range(0, 40), Numbers(first.Records));
        Assert.Equal(Enumerable.Range(40, 10), Numbers(second.Records));
        foreach (var partition in first.Records.Concat(second.Records).GroupBy(static r => r.Partition))
            Assert.Equal(Enumerable.Range(0, partition.Count()).Select(static o => (long)o), partition.Select(static r => r.Offset));
        Assert.All(first.Records, r => Assert.Equal($"id-{BitConverter.ToInt32(r.Value)}", r.Key));
    }

    [Fact]
    public async Task Headers_key_and_time_arrive_as_any_producer_wrote_them()
    {
        await ReadyPublisher(partitions: 1);
        using var foreign = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = Broker.Bootstrap }).Build();
        var topic = EventTopics.Events(Experiment);
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await foreign.ProduceAsync(topic, new() { Key = "k"u8.ToArray(), Value = "{}"u8.ToArray() }, Stop);
        await foreign.ProduceAsync(
            topic,
            new()
            {
                Value = "{}"u8.ToArray(),
                Headers = new Headers
                {
                    { "content-type", "application/json; charset=utf-8"u8.ToArray() }, { "ce_type", "reward"u8.ToArray() },
                    { "ce_time", "2026-01-01T00:00:00Z"u8.ToArray() }, { "ce_id", "é"u8.ToArray() }, { "traceparent", null },
                },
            },
            Stop);
        await foreign.ProduceAsync(topic, new() { Headers = new Headers { { "content-type", null } } }, Stop);
        await foreign.ProduceAsync(topic, new() { Headers = new Headers { { "content-type", "application/vnd.recsys.event"u8.ToArray() } } }, Stop);

        var owner = new RecordingOwner();
        Read(owner);
        var firstPartition = new List<RecordingOwner.Seen>();
        await Eventually(() => (firstPartition = [.. owner.Records.OrderBy(static r => r.AppendedAt).ThenBy(static r => r.Offset)]).Count == 4, "4 records");
        Assert.Equal("k", firstPartition[0].Key);
        Assert.Equal(default, firstPartition[0].Headers);
        Assert.InRange(firstPartition[0].AppendedAt, before - 60_000, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 60_000);
        Assert.Equal(new EventHeaders("application/json; charset=utf-8", "reward", "2026-01-01T00:00:00Z", "é"), firstPartition[1].Headers);
        Assert.Equal("", firstPartition[1].Key);
        Assert.Empty(firstPartition[2].Value);
        Assert.Null(firstPartition[2].Headers.ContentType);
        Assert.Same(EventTopics.BinaryContentType, firstPartition[3].Headers.ContentType);
    }

    [Fact]
    public async Task Idle_is_called_while_there_is_nothing_to_read_and_caught_up_ends_with_the_connection()
    {
        var publisher = await ReadyPublisher();
        var owner = new RecordingOwner();
        Read(owner);
        await Eventually(() => owner.CaughtUp == true, "caught up with an empty log");
        var idles = owner.Idles;
        await Eventually(() => owner.Idles > idles + 20, "idle goes on");

        Mock.Down();
        await Eventually(() => owner.CaughtUp == false, "an unreachable log has no known end");
        idles = owner.Idles;
        await Eventually(() => owner.Idles > idles + 20, "idle goes on without a broker");
        Assert.False(owner.CaughtUp);
        Mock.Up();
        await Eventually(() => owner.CaughtUp == true, "caught up after the outage");
        await Write(publisher, 0, 5);
        await Eventually(() => owner.Records.Count == 5, "records after the outage");
        Assert.Equal(Enumerable.Range(0, 5), Numbers(owner.Records));
    }

    [Fact]
    public async Task Store_away_at_any_call_loses_no_position()
    {
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 10);
        var failures = new System.Collections.Concurrent.ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        void FailAtFirst(string call)
        {
            failures[call] = failures.GetValueOrDefault(call) + 1;
            if (failures[call] <= 2)
                throw new StoreUnavailableException($"{call} {failures[call]}");
        }
        var owner = new RecordingOwner
        {
            OnAssigned = p => FailAtFirst($"assigned {p}"),
            OnHandle = r => FailAtFirst($"handle {r.Partition} {r.Offset % 3}"),
            OnIdle = () => FailAtFirst("idle"),
            OnRevoked = () => FailAtFirst("revoked"),
        };
        var reading = Read(owner);
        await Eventually(() => owner.Records.Count == 10, "10 records");
        await Eventually(() => failures.GetValueOrDefault("idle") > 2, "idle is called again");
        await reading.StopAsync();
        Assert.Equal(Enumerable.Range(0, 10), Numbers(owner.Records));
        Assert.Equal(3, failures["assigned 0"]);
        Assert.Equal(4, failures["revoked"]);
        Assert.Equal(2, owner.Checkpoints.Count);
    }

    [Fact]
    public async Task Any_other_failure_ends_the_reading_and_writes_no_checkpoint()
    {
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 3);
        var owner = new RecordingOwner { OnHandle = static _ => throw new InvalidOperationException("broken owner") };
        var problem = await Assert.ThrowsAsync<InvalidOperationException>(() => Read(owner).Ended.WaitAsync(Patience));
        Assert.Equal("broken owner", problem.Message);
        Assert.Empty(owner.Checkpoints);
        Assert.Equal(4, owner.Calls.Count(static c => c.StartsWith("lost", StringComparison.Ordinal)));
        Assert.DoesNotContain(owner.Calls, static c => c.StartsWith("revoked", StringComparison.Ordinal));

        var refusing = new RecordingOwner { OnAssigned = static _ => throw new InvalidOperationException("broken checkpoint") };
        problem = await Assert.ThrowsAsync<InvalidOperationException>(() => Read(refusing).Ended.WaitAsync(Patience));
        Assert.Equal("broken checkpoint", problem.Message);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public async Task Checkpoint_below_the_log_is_counted_and_reading_goes_on_from_its_start(int checkpoint)
    {
        // The mock keeps 5 MiB of a partition; incompressible events of 400 kB push the first ones out.
        Mock.Topic(EventTopics.Events(Experiment), 1);
        var publisher = Publisher();
        await publisher.EnsureLogAsync(Experiment, Stop);
        var value = new byte[400_000];
        new Random(5).NextBytes(value);
        const int Written = 20;
        for (var i = 0; i < Written; i++)
            await publisher.PublishToPartitionAsync(Experiment, 0, value, Stop);

        var owner = new RecordingOwner { Checkpoints = { [0] = checkpoint } };
        Read(owner);
        await Eventually(() => owner.Records is [.., { Offset: Written - 1 }], "the last record");
        var low = owner.Records[0].Offset;
        Assert.InRange(low, 4, Written - 2);
        Assert.Equal(Enumerable.Range((int)low, Written - (int)low).Select(static o => (long)o), owner.Records.Select(static r => r.Offset));
        // A reader that starts at zero has lost nothing that it ever had.
        Assert.Equal(checkpoint == 0 ? 0 : low - checkpoint, Counted.Expired.WithLabels(Experiment).Value);
        await Eventually(() => owner.CaughtUp == true, "caught up");
    }

    [Fact]
    public async Task Log_shorter_than_the_checkpoint_is_read_on_from_its_end()
    {
        var publisher = await ReadyPublisher();
        for (var i = 0; i < 5; i++)
            await publisher.PublishToPartitionAsync(Experiment, 1, BitConverter.GetBytes(i), Stop);
        var owner = new RecordingOwner { Checkpoints = { [1] = 1000 } };
        Read(owner);
        await Eventually(() => owner.CaughtUp == true, "caught up");
        await publisher.PublishToPartitionAsync(Experiment, 1, BitConverter.GetBytes(77), Stop);
        await Eventually(() => owner.Records.Count > 0, "the new record");
        Assert.Equal([77], Numbers(owner.Records));
        Assert.Equal(5, owner.Records[0].Offset);
    }

    [Fact]
    public async Task Stopping_while_the_broker_is_away_still_revokes_in_good_order()
    {
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 8);
        var owner = new RecordingOwner();
        var reading = Read(owner);
        await Eventually(() => owner.Records.Count == 8, "8 records");
        Mock.Down();
        await Eventually(() => owner.CaughtUp == false, "the outage is noticed");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await reading.StopAsync();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"It took {clock.Elapsed}; a host that stops is killed after 30 s.");
        Assert.Equal(8, owner.Checkpoints.Values.Sum());
    }

    [Fact]
    public async Task Topic_that_comes_later_is_read_from_its_beginning()
    {
        var owner = new RecordingOwner();
        Read(owner);
        await Eventually(() => owner.Idles > 10, "idle without a topic");
        Assert.False(owner.CaughtUp);
        var publisher = await ReadyPublisher();
        await Write(publisher, 0, 5);
        await Eventually(() => owner.Records.Count == 5, "records of the new topic");
        Assert.Equal(Enumerable.Range(0, 5), Numbers(owner.Records));
    }

    [Fact]
    public async Task Positions_are_committed_for_those_who_watch_the_lag()
    {
        var publisher = await ReadyPublisher();
        await publisher.PublishToPartitionAsync(Experiment, 2, new byte[] { 1 }, Stop);
        await publisher.PublishToPartitionAsync(Experiment, 2, new byte[] { 1 }, Stop);
        var owner = new RecordingOwner();
        var reading = Read(owner);
        await Eventually(() => owner.Records.Count == 2, "both records");
        await reading.StopAsync();
        using var watcher = new ConsumerBuilder<byte[], byte[]>(
            new ConsumerConfig { BootstrapServers = Broker.Bootstrap, GroupId = KafkaEventSource.Group(Experiment) }).Build();
        var committed = watcher.Committed([new TopicPartition(EventTopics.Events(Experiment), 2)], Patience);
        Assert.Equal(2, Assert.Single(committed).Offset.Value);
    }
}
