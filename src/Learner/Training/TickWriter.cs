using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;

namespace Recsys.Learner.Training;

/// <summary>
/// Moves event time on in a partition where nothing happens. The tick goes through the log like any event, so that a replay closes the same
/// windows at the same place.
/// </summary>
public sealed class TickWriter(string experiment, int partition, IEventPublisher events, TrainingOptions options)
{
    private Task _writing = Task.CompletedTask;
    private double _writtenAt = double.MinValue;

    /// <summary>Writes a tick if one is due and the last has been written. A tick that was lost is written again as long as the deadline stands.</summary>
    /// <param name="deadline">Event time at which a window closes, Unix ms, or null.</param>
    /// <param name="now">The host's clock, Unix ms.</param>
    /// <param name="elapsed">Monotonic milliseconds.</param>
    /// <param name="caughtUp">Whether the log is read to its end.</param>
    public void Advance(long? deadline, long now, double elapsed, bool caughtUp)
    {
        if (!_writing.IsCompleted || !Cadence.IsTickDue(options, deadline, now, elapsed - _writtenAt, caughtUp))
            return;
        _writtenAt = elapsed;
        var bytes = new ArrayBufferWriter<byte>(16);
        BinaryEventCodec.WriteTick(bytes, new TickEvent(now));
        _writing = WriteAsync(bytes.WrittenMemory);
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> tick)
    {
        try
        {
            await events.PublishToPartitionAsync(experiment, partition, tick, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Recsys.Infrastructure.Experiments.StoreUnavailableException)
        {
            // Nothing depends on this one: while the deadline stands the next is written after the interval.
        }
    }
}
