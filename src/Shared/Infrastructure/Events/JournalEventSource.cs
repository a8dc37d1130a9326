using Recsys.Infrastructure.Local;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// Reads the local journal of an experiment, which is its only partition, on the calling thread. There is no group: whoever consumes owns it, and the
/// checkpoint store's epoch decides between two who do.
/// </summary>
public sealed class JournalEventSource(JournalSet journals) : IEventSource
{
    // Publishing and checkpointing are decided between batches; a batch of this many takes a few milliseconds at most.
    private const int BatchRecords = 256;
    private static readonly TimeSpan IdleEvery = TimeSpan.FromMilliseconds(20);

    /// <inheritdoc/>
    /// <remarks>
    /// An offset that is no longer kept is replaced by the oldest one, one beyond the end by the end, and both are logged. When the experiment is deleted
    /// meanwhile, the partition is reported lost.
    /// </remarks>
    /// <exception cref="JournalCorruptException">A durable record is damaged; nothing after it is handed over.</exception>
    public void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(owner);
        Journal? journal;
        // No log means that the experiment is being created, or was deleted while its loop was starting again.
        while ((journal = journals.Find(experiment)) is null)
        {
            if (cancellationToken.WaitHandle.WaitOne(IdleEvery))
                return;
        }
        var asked = owner.Assigned(0);
        using var reader = journal.Read(asked);
        if (reader.Offset != asked)
            LocalLog.OffsetOutOfRange(journals.Log, experiment, asked, journal.FirstOffset, journal.NextOffset, reader.Offset);
        while (!cancellationToken.IsCancellationRequested)
        {
            var handled = 0;
            while (handled < BatchRecords && !journal.IsForgotten && !cancellationToken.IsCancellationRequested && reader.TryRead(out var record))
            {
                owner.Handle(record.ToLogRecord());
                handled++;
            }
            if (journal.IsForgotten)
            {
                owner.Lost(0);
                cancellationToken.WaitHandle.WaitOne();
                return;
            }
            var caughtUp = reader.Offset >= journal.NextOffset;
            owner.Idle(caughtUp);
            if (caughtUp)
                journal.WaitFor(reader.Offset, IdleEvery);
        }
        owner.Revoked(0);
    }
}
