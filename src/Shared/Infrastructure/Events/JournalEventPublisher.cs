using System.Globalization;
using System.Text;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;

namespace Recsys.Infrastructure.Events;

/// <summary>Writes events to the local journals.</summary>
public sealed class JournalEventPublisher(JournalSet journals) : IEventPublisher
{
    /// <inheritdoc/>
    public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken) =>
        Task.Run(() => Guarded(() => journals.Open(experiment)), cancellationToken);

    /// <inheritdoc/>
    public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value) =>
        journals.Find(experiment) is { } journal && journal.TryAppend(JournalHeaders.Binary, decisionId, value);

    /// <inheritdoc/>
    public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        LogOf(experiment).AppendAsync(JournalHeaders.Binary, Encoding.UTF8.GetBytes(decisionId), value, isRemoval: false, cancellationToken);

    /// <inheritdoc/>
    public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(partition, 0);
        return LogOf(experiment).AppendAsync(JournalHeaders.Binary, default, value, isRemoval: false, cancellationToken);
    }

    /// <inheritdoc/>
    public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) =>
        Guarded(() => journals.Items).AppendAsync(
            JournalHeaders.Json, Encoding.UTF8.GetBytes(EventTopics.ItemKey(experiment, item)), value ?? default, isRemoval: value is null, cancellationToken);

    /// <inheritdoc/>
    public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(letter);
        var headers = JournalHeaders.Encode(
        [
            new("x-dlq-reason", letter.Reason),
            new("x-original-topic", letter.Topic),
            new("x-original-partition", letter.Partition.ToString(CultureInfo.InvariantCulture)),
            new("x-original-offset", letter.Offset.ToString(CultureInfo.InvariantCulture)),
        ]);
        return Guarded(() => journals.DeadLetters).AppendAsync(headers, letter.Key, letter.Value, isRemoval: false, cancellationToken);
    }

    private Journal LogOf(string experiment) => Guarded(() => journals.Find(experiment))
        ?? throw new StoreUnavailableException($"Experiment '{experiment}' has no event log: it is being created or has been deleted.");

    private static T Guarded<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JournalCorruptException or ObjectDisposedException)
        {
            throw new StoreUnavailableException($"The event log cannot be opened: {problem.Message}", problem);
        }
    }
}
