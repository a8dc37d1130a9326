using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// Follows the compacted catalogue topic: every process reads all partitions from the beginning, in no group. A topic that does not exist is an empty
/// catalogue; it, and new partitions, are noticed within two seconds.
/// </summary>
public sealed class KafkaItemFeed(KafkaOptions options, ILogger<KafkaItemFeed> log) : IItemFeed
{
    /// <inheritdoc/>
    public Task FollowAsync(Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(caughtUp);
        return Task.Factory.StartNew(
            () =>
            {
                using var reader = new KafkaItemReader(options, handle, caughtUp, log);
                reader.Run(cancellationToken);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    private sealed class KafkaItemReader : IDisposable
    {
        private const int LookMilliseconds = 2000;
        private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(50);
        private static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(2);

        private readonly Action<string, string, ReadOnlyMemory<byte>?> _handle;
        private readonly Action _caughtUp;
        private readonly ILogger _log;
        private readonly IConsumer<byte[]?, byte[]?> _consumer;
        private readonly HashSet<int> _assigned = [];
        private readonly Dictionary<int, long> _unread = [];
        private bool _looked;
        private bool _complete;

        public KafkaItemReader(KafkaOptions options, Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, ILogger log)
        {
            (_handle, _caughtUp, _log) = (handle, caughtUp, log);
            // The client wants a group name; without a subscription nothing joins it.
            var config = KafkaClients.Consumer(options, "recsys.items");
            config.EnableAutoCommit = false;
            config.ConsumeResultFields = "none";
            // Upserts are absolute, so reading a log that was cut again from its beginning does no harm.
            config.AutoOffsetReset = AutoOffsetReset.Earliest;
            _consumer = new ConsumerBuilder<byte[]?, byte[]?>(config)
                .SetErrorHandler((_, error) => log.KafkaProblem(EventTopics.Items, error.Reason))
                .SetLogHandler((_, message) => KafkaClients.Log(log, message))
                .Build();
        }

        public void Run(CancellationToken cancellationToken)
        {
            using var admin = new DependentAdminClientBuilder(_consumer.Handle).Build();
            for (var lookAt = 0L; !cancellationToken.IsCancellationRequested;)
            {
                if (Environment.TickCount64 >= lookAt)
                {
                    Look(admin);
                    lookAt = Environment.TickCount64 + LookMilliseconds;
                }
                try
                {
                    Take(_consumer.Consume(Wait));
                }
                catch (ConsumeException problem) when (!problem.Error.IsFatal)
                {
                    _log.KafkaProblem(EventTopics.Items, problem.Error.Reason);
                }
            }
        }

        public void Dispose()
        {
            _consumer.Close();
            _consumer.Dispose();
        }

        private void Look(IAdminClient admin)
        {
            try
            {
                if (admin.GetMetadata(EventTopics.Items, QueryTimeout).Topics.Find(static t => t.Topic == EventTopics.Items) is { } topic)
                {
                    if (topic.Error.IsError && topic.Error.Code is not (ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic))
                        throw new KafkaException(topic.Error);
                    foreach (var partition in topic.Partitions)
                        Follow(partition.PartitionId);
                }
                _looked = true;
                CompleteWhenRead();
            }
            catch (KafkaException problem)
            {
                _log.KafkaProblem(EventTopics.Items, problem.Error.Reason);
            }
        }

        private void Follow(int partition)
        {
            if (_assigned.Contains(partition))
                return;
            // What was there at the start has to be read before the catalogue counts as complete; what comes later is a change like any other.
            if (!_complete)
            {
                var end = _consumer.QueryWatermarkOffsets(new TopicPartition(EventTopics.Items, partition), QueryTimeout);
                if (end.High.Value > end.Low.Value)
                    _unread[partition] = end.High.Value;
            }
            _consumer.IncrementalAssign([new TopicPartitionOffset(EventTopics.Items, partition, Offset.Beginning)]);
            _assigned.Add(partition);
        }

        private void Take(ConsumeResult<byte[]?, byte[]?>? taken)
        {
            if (taken is null)
                return;
            var partition = taken.Partition.Value;
            if (!taken.IsPartitionEOF)
                Handle(taken);
            // Compaction may have removed the last record that was promised, so the end itself counts too.
            if (!_complete && _unread.TryGetValue(partition, out var end) && (taken.IsPartitionEOF || taken.Offset.Value + 1 >= end))
            {
                _unread.Remove(partition);
                CompleteWhenRead();
            }
        }

        private void Handle(ConsumeResult<byte[]?, byte[]?> taken)
        {
            var key = taken.Message.Key.AsSpan();
            var slash = key.IndexOf((byte)'/');
            if (slash < 1 || slash == key.Length - 1)
            {
                DistributedMetrics.ItemsRefused.Inc();
                _log.ItemRefused(taken.Partition.Value, taken.Offset.Value);
                return;
            }
            _handle(
                Encoding.UTF8.GetString(key[..slash]),
                Encoding.UTF8.GetString(key[(slash + 1)..]),
                taken.Message.Value is { } value ? value : (ReadOnlyMemory<byte>?)null);
        }

        private void CompleteWhenRead()
        {
            if (_complete || !_looked || _unread.Count > 0)
                return;
            _complete = true;
            _caughtUp();
        }
    }
}
