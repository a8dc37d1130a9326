using System.Text;
using Recsys.Infrastructure.Local;

namespace Recsys.Infrastructure.Events;

/// <summary>Follows the local journal of catalogue items.</summary>
public sealed class JournalItemFeed(JournalSet journals) : IItemFeed
{
    private static readonly TimeSpan LookForCancellationEvery = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    /// <remarks>Runs on a thread of its own, from which both callbacks come.</remarks>
    public Task FollowAsync(Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(caughtUp);
        return Task.Factory.StartNew(
            () => Follow(handle, caughtUp, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Follow(Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, CancellationToken cancellationToken)
    {
        using var reader = journals.Items.Read(0);
        var announced = false;
        while (true)
        {
            while (reader.TryRead(out var record))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var key = Encoding.UTF8.GetString(record.Key.Span);
                var slash = key.IndexOf('/', StringComparison.Ordinal);
                // The handler may keep the item, the reader's memory is only lent.
                if (slash > 0)
                    handle(key[..slash], key[(slash + 1)..], record.IsRemoval ? null : record.Value.ToArray());
            }
            if (!announced)
                caughtUp();
            announced = true;
            cancellationToken.ThrowIfCancellationRequested();
            journals.Items.WaitFor(reader.Offset, LookForCancellationEvery);
        }
    }
}
