using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Tests.Kafka;

/// <summary>Tests that run the event source.</summary>
public abstract class KafkaSourceTests : KafkaTests
{
    private readonly List<Reading> _readings = [];

    /// <summary>A run of the source on a thread of its own.</summary>
    private protected sealed class Reading : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public Reading(KafkaEventSource source, string experiment, RecordingOwner owner) => Ended = Task.Factory.StartNew(
            () => source.Consume(experiment, owner, _stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public Task Ended { get; }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await Ended.WaitAsync(Patience);
        }

        public void Dispose()
        {
            _stop.Cancel();
            ((IAsyncResult)Ended).AsyncWaitHandle.WaitOne(Patience);
            _stop.Dispose();
        }
    }

    private protected Reading Read(RecordingOwner owner)
    {
        var reading = new Reading(Source(), Experiment, owner);
        _readings.Add(reading);
        return reading;
    }

    public override void Dispose()
    {
        foreach (var reading in _readings)
            reading.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }

    protected async Task Write(KafkaEventPublisher publisher, int first, int count)
    {
        for (var i = first; i < first + count; i++)
            await publisher.PublishAsync(Experiment, $"id-{i}", BitConverter.GetBytes(i), Stop);
    }

    private protected static IEnumerable<int> Numbers(IEnumerable<RecordingOwner.Seen> records) => records.Select(static r => BitConverter.ToInt32(r.Value)).Order();
}
