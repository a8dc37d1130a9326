using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// Writes events to Kafka with two producers: one whose queue may fill with decisions while Kafka is away, and one for everything that somebody
/// waits for, so that a backlog of decisions cannot hold up a reward, and a reward that was reported as failed is not written minutes later.
/// </summary>
public sealed class KafkaEventPublisher : IEventPublisher, IDisposable
{
    // Each refusal by librdkafka is an exception of some 20 us. While the queue is full, one in 5 ms is enough to notice that it no longer is.
    private const int FullPauseMilliseconds = 5;

    // What a cut dead letter keeps: enough to see what it was.
    private const int CutBytes = 8 * 1024;

    private static readonly Headers Binary = ContentType(EventTopics.BinaryContentType);
    private static readonly Headers Json = ContentType(EventTopics.JsonContentType);

    private readonly KafkaOptions _options;
    private readonly ILogger _log;
    private readonly KafkaProducerSlot _decisions;
    private readonly KafkaProducerSlot _awaited;
    private readonly KafkaTopics _topics;
    private readonly ConcurrentDictionary<string, string> _topicNames = new(StringComparer.Ordinal);
    private readonly Action<DeliveryReport<byte[]?, byte[]?>> _decisionDelivered;
    private long _fullUntil;

    /// <summary>Starts the producers; they connect in the background.</summary>
    /// <exception cref="InvalidOperationException">librdkafka refuses a configured property; the message names it.</exception>
    public KafkaEventPublisher(KafkaOptions options, ILogger<KafkaEventPublisher> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _log = log;
        var decisions = KafkaClients.Producer(options, options.DecisionTimeout);
        decisions.QueueBufferingMaxMessages = options.QueuedDecisionsMax;
        decisions.QueueBufferingMaxKbytes = (int)Math.Min(options.QueuedDecisionsMaxBytes >> 10, int.MaxValue);
        _decisions = new KafkaProducerSlot(decisions, log);
        _awaited = new KafkaProducerSlot(KafkaClients.Producer(options, options.PublishTimeout), log);
        _topics = new KafkaTopics(options, () => _awaited.Current.Handle);
        _decisionDelivered = static report =>
        {
            if (report.Error.IsError)
                DistributedMetrics.EventsDropped.WithLabels(Reason(report.Error.Code)).Inc();
        };
    }

    /// <inheritdoc/>
    public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken) => _topics.EnsureAsync(experiment, cancellationToken);

    /// <inheritdoc/>
    public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value)
    {
        if (Environment.TickCount64 < Volatile.Read(ref _fullUntil))
            return false;
        try
        {
            var message = new Message<byte[]?, byte[]?> { Key = decisionId.ToArray(), Value = value.ToArray(), Headers = Binary };
            _decisions.Current.Produce(Topic(experiment), message, _decisionDelivered);
            return true;
        }
        catch (KafkaException problem)
        {
            if (problem.Error.Code == ErrorCode.Local_QueueFull)
                Volatile.Write(ref _fullUntil, Environment.TickCount64 + FullPauseMilliseconds);
            else
                _log.KafkaProblem(Topic(experiment), problem.Error.Reason);
            return false;
        }
    }

    /// <inheritdoc/>
    public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        WriteAsync(Topic(experiment), Partition.Any, Encoding.UTF8.GetBytes(decisionId), value.ToArray(), Binary, cancellationToken);

    /// <inheritdoc/>
    public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        WriteAsync(Topic(experiment), partition, key: null, value.ToArray(), Binary, cancellationToken);

    /// <inheritdoc/>
    public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) =>
        WriteAsync(
            EventTopics.Items, Partition.Any, Encoding.UTF8.GetBytes(EventTopics.ItemKey(experiment, item)), value?.ToArray(), Json, cancellationToken);

    /// <inheritdoc/>
    public async Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(letter);
        // A letter that no broker takes would stop its partition for good, so an oversized one is cut. 1 KB covers the headers.
        var keep = letter.Value.Length;
        if (letter.Key.Length + keep + letter.Reason.Length > _options.MessageMaxBytes - 1024)
        {
            keep = Math.Min(CutBytes, keep);
            _log.DeadLetterCut(letter.Value.Length, letter.Topic, letter.Partition, letter.Offset);
        }
        var headers = new Headers
        {
            { "x-dlq-reason", Encoding.UTF8.GetBytes(letter.Reason) },
            { "x-original-topic", Encoding.UTF8.GetBytes(letter.Topic) },
            { "x-original-partition", Number(letter.Partition) },
            { "x-original-offset", Number(letter.Offset) },
        };
        if (keep < letter.Value.Length)
            headers.Add("x-original-bytes", Number(letter.Value.Length));
        var key = letter.Key.Length == 0 ? null : letter.Key[..Math.Min(letter.Key.Length, CutBytes)].ToArray();
        await WriteAsync(EventTopics.DeadLetters, Partition.Any, key, letter.Value[..keep].ToArray(), headers, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives queued events five seconds to leave, then ends.</summary>
    public void Dispose()
    {
        _awaited.Dispose();
        _decisions.Dispose();
    }

    private async Task WriteAsync(
        string topic, Partition partition, byte[]? key, byte[]? value, Headers headers, CancellationToken cancellationToken)
    {
        try
        {
            var message = new Message<byte[]?, byte[]?> { Key = key, Value = value, Headers = headers };
            // librdkafka keeps the time itself; the wait is a second line for a report that never comes.
            await _awaited.Current.ProduceAsync(new TopicPartition(topic, partition), message, cancellationToken)
                .WaitAsync(_options.PublishTimeout + TimeSpan.FromSeconds(2), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is KafkaException or TimeoutException or ObjectDisposedException)
        {
            throw new StoreUnavailableException(
                $"The event was not written to Kafka topic {topic} within {_options.PublishTimeout}: {problem.Message} Check Kafka:BootstrapServers and the brokers.",
                problem);
        }
    }

    // Names are asked for on every decision; there are as many as experiments.
    private string Topic(string experiment) => _topicNames.GetOrAdd(experiment, static name => EventTopics.Events(name));

    private static Headers ContentType(string value) => new() { { "content-type", Encoding.UTF8.GetBytes(value) } };

    private static byte[] Number(long value) => Encoding.UTF8.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static string Reason(ErrorCode code) => code switch
    {
        ErrorCode.Local_MsgTimedOut => "timed_out",
        ErrorCode.Local_PurgeQueue or ErrorCode.Local_PurgeInflight => "shutdown",
        ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition => "unknown_topic",
        _ => "refused",
    };
}
