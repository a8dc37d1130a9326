using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Events;

/// <summary>Makes sure that topics exist: by creating them, or by asking for them where the broker creates on demand.</summary>
internal sealed class KafkaTopics(KafkaOptions options, Func<Handle> client)
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, bool> _present = new(StringComparer.Ordinal);

    /// <summary>The topics of an experiment and those that all experiments share.</summary>
    /// <exception cref="StoreUnavailableException">Kafka is away or refuses; the message says what to do.</exception>
    public async Task EnsureAsync(string experiment, CancellationToken cancellationToken)
    {
        var wanted = new[]
        {
            // The broker's clock stamps the events, so that "appended at" does not depend on the producers' clocks.
            Topic(EventTopics.Events(experiment), new() { ["message.timestamp.type"] = "LogAppendTime" }),
            Topic(EventTopics.Items, new() { ["cleanup.policy"] = "compact" }),
            Topic(EventTopics.DeadLetters, []),
        }.Where(topic => !_present.ContainsKey(topic.Name)).ToList();
        if (wanted.Count == 0)
            return;
        using var admin = new DependentAdminClientBuilder(client()).Build();
        if (options.CreateTopics)
            await CreateAsync(admin, wanted).WaitAsync(cancellationToken).ConfigureAwait(false);
        else
            await Task.Run(() => AskFor(admin, wanted, cancellationToken), cancellationToken).ConfigureAwait(false);
        foreach (var topic in wanted)
            _present[topic.Name] = true;
    }

    private TopicSpecification Topic(string name, Dictionary<string, string> settings) =>
        new() { Name = name, NumPartitions = options.Partitions, ReplicationFactor = options.ReplicationFactor, Configs = settings };

    private static async Task CreateAsync(IAdminClient admin, List<TopicSpecification> wanted)
    {
        try
        {
            await admin.CreateTopicsAsync(wanted, new CreateTopicsOptions { RequestTimeout = RequestTimeout, OperationTimeout = RequestTimeout })
                .ConfigureAwait(false);
        }
        catch (CreateTopicsException problem) when (problem.Results.TrueForAll(
            static result => !result.Error.IsError || result.Error.Code == ErrorCode.TopicAlreadyExists))
        {
            // Somebody else was first, which is as good.
        }
        catch (KafkaException problem)
        {
            var reasons = problem is CreateTopicsException { Results: var results }
                ? string.Join("; ", results.Where(static r => r.Error.IsError).Select(static r => $"{r.Topic}: {r.Error.Reason}"))
                : problem.Error.Reason;
            throw new StoreUnavailableException(
                $"Kafka did not create the topics ({reasons}). Check the brokers, or create the topics beforehand and set Kafka:CreateTopics to false.", problem);
        }
    }

    private static void AskFor(IAdminClient admin, List<TopicSpecification> wanted, CancellationToken cancellationToken)
    {
        foreach (var topic in wanted)
        {
            var deadline = Environment.TickCount64 + (long)RequestTimeout.TotalMilliseconds;
            while (true)
            {
                var reason = Missing(admin, topic.Name, out var cause);
                if (reason is null)
                    break;
                if (Environment.TickCount64 > deadline)
                {
                    var message = $"Kafka topic {topic.Name} is not there ({reason}). Create it, allow the brokers to, or set Kafka:CreateTopics to true.";
                    throw cause is null ? new StoreUnavailableException(message) : new StoreUnavailableException(message, cause);
                }
                if (cancellationToken.WaitHandle.WaitOne(RetryPause))
                    cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private static string? Missing(IAdminClient admin, string topic, out KafkaException? cause)
    {
        cause = null;
        try
        {
            var found = admin.GetMetadata(topic, RequestTimeout / 2).Topics.Find(t => t.Topic == topic);
            return found is null ? "unknown" : found.Error.IsError ? found.Error.Reason : found.Partitions.Count == 0 ? "no partitions yet" : null;
        }
        catch (KafkaException problem)
        {
            cause = problem;
            return problem.Error.Reason;
        }
    }
}
