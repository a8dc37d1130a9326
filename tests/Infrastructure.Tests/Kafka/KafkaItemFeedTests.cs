using System.Collections.Concurrent;
using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using Recsys.Infrastructure.Events;
using Xunit;

namespace Recsys.Infrastructure.Tests.Kafka;

public sealed class KafkaItemFeedTests : KafkaTests
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, string?> _items = new(StringComparer.Ordinal);
    private Task _following = Task.CompletedTask;
    private int _completions;
    private int _itemsWhenComplete = -1;

    private void Follow() => _following = new KafkaItemFeed(Options(), Counted, NullLogger<KafkaItemFeed>.Instance).FollowAsync(
        (experiment, item, json) =>
        {
            // A real broker's catalogue holds the items of earlier runs too.
            if (experiment == Experiment)
                _items[item] = json is { } value ? Encoding.UTF8.GetString(value.Span) : null;
        },
        () =>
        {
            _itemsWhenComplete = _items.Count;
            Interlocked.Increment(ref _completions);
        },
        _stop.Token);

    private static ReadOnlyMemory<byte> Json(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public async Task Catalogue_is_complete_before_caught_up_and_changes_follow()
    {
        var publisher = await ReadyPublisher();
        for (var i = 0; i < 50; i++)
            await publisher.PublishItemAsync(Experiment, $"item/{i}", Json($$"""{"n":{{i}}}"""), Stop);
        await publisher.PublishItemAsync(Experiment, "item/7", null, Stop);
        await publisher.PublishItemAsync(Experiment, "item/8", Json("{}"), Stop);

        Follow();
        await Eventually(() => Volatile.Read(ref _completions) == 1, "caught up");
        Assert.Equal(50, _itemsWhenComplete);
        Assert.Null(_items["item/7"]);
        Assert.Equal("{}", _items["item/8"]);
        Assert.Equal("""{"n":49}""", _items["item/49"]);

        await publisher.PublishItemAsync(Experiment, "é", Json("""{"new":1}"""), Stop);
        await publisher.PublishItemAsync(Experiment, "item/9", null, Stop);
        await Eventually(() => _items.ContainsKey("é") && _items["item/9"] is null, "later changes");
        Assert.Equal(1, _completions);
    }

    [Fact]
    public async Task Missing_topic_is_an_empty_catalogue_that_is_watched()
    {
        _ = Mock;
        Follow();
        await Eventually(() => Volatile.Read(ref _completions) == 1, "caught up with nothing");
        Assert.Equal(0, _itemsWhenComplete);
        var publisher = await ReadyPublisher();
        await publisher.PublishItemAsync(Experiment, "a", Json("{}"), Stop);
        await Eventually(() => _items.ContainsKey("a"), "the first item of the new topic");
    }

    [Fact]
    public async Task Broker_away_is_not_taken_for_an_empty_catalogue()
    {
        var publisher = await ReadyPublisher();
        await publisher.PublishItemAsync(Experiment, "a", Json("{}"), Stop);
        Mock.Down();
        Follow();
        // Longer than the feed's own look-up takes to give up.
        await Task.Delay(TimeSpan.FromSeconds(3), Stop);
        Assert.Equal(0, Volatile.Read(ref _completions));
        Mock.Up();
        await Eventually(() => Volatile.Read(ref _completions) == 1, "caught up after the outage");
        Assert.Equal(1, _itemsWhenComplete);
    }

    [Fact]
    public async Task Key_that_names_no_item_is_skipped_and_counted()
    {
        var publisher = await ReadyPublisher();
        using var foreign = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = Broker.Bootstrap }).Build();
        foreach (var key in (string?[])["no-slash", "/x", "x/", null])
            await foreign.ProduceAsync(EventTopics.Items, new() { Key = key is null ? null : Encoding.UTF8.GetBytes(key), Value = [1] }, Stop);
        await publisher.PublishItemAsync(Experiment, "good", Json("{}"), Stop);
        Follow();
        await Eventually(() => Volatile.Read(ref _completions) == 1, "caught up");
        Assert.True(_items.ContainsKey("good"));
        Assert.True(Counted.ItemsRefused.Value >= 4);
        Assert.False(_following.IsFaulted);
    }

    public override void Dispose()
    {
        _stop.Cancel();
        ((IAsyncResult)_following).AsyncWaitHandle.WaitOne(Patience);
        _stop.Dispose();
        base.Dispose();
    }
}
