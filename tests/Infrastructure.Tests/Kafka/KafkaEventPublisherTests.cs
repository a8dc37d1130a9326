using System.Diagnostics;
using System.Text;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Infrastructure.Tests.Kafka;

public sealed class KafkaEventPublisherTests : KafkaTests
{
    private static string? Header(Confluent.Kafka.Headers headers, string name) =>
        headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;

    [Fact]
    public async Task Decision_and_reward_of_one_id_share_key_partition_and_content_type()
    {
        var publisher = await ReadyPublisher();
        for (var i = 0; i < 20; i++)
        {
            Assert.True(publisher.TryPublishDecision(Experiment, Encoding.UTF8.GetBytes($"id-{i}"), [1, (byte)i]));
            await publisher.PublishAsync(Experiment, $"id-{i}", new byte[] { 2, (byte)i }, Stop);
        }
        var records = ReadAll(EventTopics.Events(Experiment), 4, 40);
        Assert.All(records, static r => Assert.Equal(EventTopics.BinaryContentType, Header(r.Message.Headers, "content-type")));
        var byId = records.GroupBy(static r => Encoding.UTF8.GetString(r.Message.Key!)).ToList();
        Assert.Equal(20, byId.Count);
        Assert.All(byId, static id => Assert.Single(id.Select(static r => r.Partition.Value).Distinct()));
        Assert.All(byId, static id => Assert.Equal([1, 2], id.Select(static r => (int)r.Message.Value![0]).Order()));
        Assert.True(records.Select(static r => r.Partition.Value).Distinct().Count() > 1);
    }

    [Fact]
    public async Task Key_lands_where_the_Java_clients_put_it()
    {
        // Murmur2 of these keys as in Kafka's own UtilsTest: "21" -> -973932308, "foobar" -> -790332482.
        var publisher = await ReadyPublisher();
        await publisher.PublishAsync(Experiment, "21", new byte[] { 1 }, Stop);
        await publisher.PublishAsync(Experiment, "foobar", new byte[] { 1 }, Stop);
        var records = ReadAll(EventTopics.Events(Experiment), 4, 2).ToDictionary(static r => Encoding.UTF8.GetString(r.Message.Key!));
        Assert.Equal((-973932308 & 0x7fffffff) % 4, records["21"].Partition.Value);
        Assert.Equal((-790332482 & 0x7fffffff) % 4, records["foobar"].Partition.Value);
    }

    [Fact]
    public async Task Tick_goes_to_its_partition_without_a_key()
    {
        var publisher = await ReadyPublisher();
        await publisher.PublishToPartitionAsync(Experiment, 2, new byte[] { 7 }, Stop);
        var record = Assert.Single(ReadAll(EventTopics.Events(Experiment), 4, 1));
        Assert.Equal(2, record.Partition.Value);
        Assert.Null(record.Message.Key);
    }

    [Fact]
    public async Task Dead_letter_keeps_bytes_and_says_where_from_and_why()
    {
        var publisher = await ReadyPublisher();
        await publisher.PublishDeadLetterAsync(
            new DeadLetter("recsys.x.events.v1", 3, 123_456_789_012, "key-ü"u8.ToArray(), new byte[] { 0, 255 }, $"Not JSON: 'é' ({Experiment})."), Stop);
        await publisher.PublishDeadLetterAsync(new DeadLetter("t", 0, 0, default, new byte[2_000_000], "Too large."), Stop);
        var letters = ReadAll(EventTopics.DeadLetters, 4, 2);
        var letter = letters.Single(l => Header(l.Message.Headers, "x-dlq-reason")!.Contains(Experiment, StringComparison.Ordinal));
        Assert.Equal("key-ü"u8.ToArray(), letter.Message.Key);
        Assert.Equal([0, 255], letter.Message.Value!);
        Assert.Equal("recsys.x.events.v1", Header(letter.Message.Headers, "x-original-topic"));
        Assert.Equal("3", Header(letter.Message.Headers, "x-original-partition"));
        Assert.Equal("123456789012", Header(letter.Message.Headers, "x-original-offset"));
        var cut = letters.Single(static l => Header(l.Message.Headers, "x-dlq-reason") == "Too large.");
        Assert.Equal("2000000", Header(cut.Message.Headers, "x-original-bytes"));
    }

    [Fact]
    public async Task Full_queue_answers_false_at_once_and_undelivered_decisions_are_counted()
    {
        var options = Options();
        options.QueuedDecisionsMax = 10;
        options.DecisionTimeout = TimeSpan.FromSeconds(1);
        var publisher = await ReadyPublisher(options: options);
        Mock.Down();
        var clock = Stopwatch.StartNew();
        var accepted = 0;
        for (var i = 0; i < 10_000; i++)
            accepted += publisher.TryPublishDecision(Experiment, "id"u8, [1]) ? 1 : 0;
        Assert.InRange(accepted, 1, 10);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"10,000 refusals took {clock.Elapsed}.");
        await Eventually(() => Counted.Undelivered.WithLabels("timed_out").Value >= accepted, "the queued decisions are counted as dropped");
        Mock.Up();
        await Eventually(() => publisher.TryPublishDecision(Experiment, "id"u8, [2]), "decisions are taken again");
        Assert.Contains(ReadAll(EventTopics.Events(Experiment), 4, 1), static r => r.Message.Value![0] == 2);
    }

    [Fact]
    public async Task Broker_away_is_unavailable_in_time_and_back_takes_events_again()
    {
        var publisher = await ReadyPublisher();
        Mock.Down();
        var clock = Stopwatch.StartNew();
        var problem = await Assert.ThrowsAsync<StoreUnavailableException>(() => publisher.PublishAsync(Experiment, "a", new byte[] { 1 }, Stop));
        Assert.Contains("Kafka:BootstrapServers", problem.Message, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"It took {clock.Elapsed}.");
        Mock.Up();
        for (var tries = 0; ; tries++)
        {
            try
            {
                await publisher.PublishAsync(Experiment, "b", new byte[] { 2 }, Stop);
                break;
            }
            catch (StoreUnavailableException) when (tries < 20)
            {
            }
        }
        // What was reported as failed is not written later.
        Assert.Equal("b", Encoding.UTF8.GetString(Assert.Single(ReadAll(EventTopics.Events(Experiment), 4, 1)).Message.Key!));
    }

    [Fact]
    public async Task Transient_refusal_is_retried_and_the_event_stored_once()
    {
        var publisher = await ReadyPublisher(partitions: 1);
        const int RequestTimedOut = 7;
        Mock.Fail(MockKafka.Produce, RequestTimedOut, RequestTimedOut);
        await publisher.PublishAsync(Experiment, "a", new byte[] { 1 }, Stop);
        await publisher.PublishAsync(Experiment, "b", new byte[] { 2 }, Stop);
        Assert.Equal([1, 2], ReadAll(EventTopics.Events(Experiment), 1, 2).Select(static r => (int)r.Message.Value![0]));
    }

    [Fact]
    public async Task Producer_that_can_go_on_no_more_is_replaced()
    {
        const short InitProducerId = 22;
        const int ClusterAuthorizationFailed = 31;
        Mock.Topic(EventTopics.Events(Experiment), 4);
        // Fatal to an idempotent producer; one for each of the two.
        Mock.Fail(InitProducerId, ClusterAuthorizationFailed, ClusterAuthorizationFailed);
        var publisher = Publisher();
        var failed = 0;
        await Eventually(
            () =>
            {
                try
                {
                    publisher.PublishAsync(Experiment, "a", new byte[] { 1 }, Stop).GetAwaiter().GetResult();
                    return true;
                }
                catch (StoreUnavailableException)
                {
                    failed++;
                    return false;
                }
            },
            "rewards are taken by a new producer");
        Assert.True(failed > 0, "The first producer was meant to fail.");
        await Eventually(() => publisher.TryPublishDecision(Experiment, "b"u8, [2]), "decisions are taken by a new producer");
        Assert.Equal(["a", "b"], ReadAll(EventTopics.Events(Experiment), 4, 2).Select(static r => Encoding.UTF8.GetString(r.Message.Key!)).Order());
    }

    [Fact]
    public async Task Event_above_the_limit_is_refused_with_a_reason()
    {
        var publisher = await ReadyPublisher();
        Assert.False(publisher.TryPublishDecision(Experiment, "id"u8, new byte[2_000_000]));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => publisher.PublishAsync(Experiment, "id", new byte[2_000_000], Stop));
    }

    [Fact]
    public async Task EnsureLog_can_be_repeated_and_makes_an_unknown_topic()
    {
        var publisher = Publisher();
        await publisher.EnsureLogAsync(Experiment, Stop);
        await publisher.EnsureLogAsync(Experiment, Stop);
        await Publisher().EnsureLogAsync(Experiment, Stop);
        await publisher.PublishToPartitionAsync(Experiment, 3, new byte[] { 1 }, Stop);
    }

    [Fact]
    public async Task EnsureLog_without_a_broker_is_unavailable()
    {
        var options = Options();
        options.BootstrapServers = $"127.0.0.1:{FreePorts.Next()}";
        var publisher = Publisher(options);
        var problem = await Assert.ThrowsAsync<StoreUnavailableException>(() => publisher.EnsureLogAsync(Experiment, Stop));
        Assert.Contains("CreateTopics", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misspelt_client_property_stops_at_construction_and_underscores_stand_for_dots()
    {
        var options = Options();
        options.Client["secruity.protocol"] = "ssl";
        Assert.Contains("secruity.protocol", Assert.ThrowsAny<Exception>(() => Publisher(options)).Message, StringComparison.Ordinal);
        options.Client.Clear();
        options.Client["security_protocol"] = "nonsense";
        Assert.Contains("security.protocol", Assert.ThrowsAny<Exception>(() => Publisher(options)).Message, StringComparison.Ordinal);
    }
}
