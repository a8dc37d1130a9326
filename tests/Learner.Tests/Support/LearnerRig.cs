using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Prometheus;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Replay;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests.Support;

/// <summary>Everything around one training loop, in memory and on the test's own thread: what a real log and real stores would do, step by step.</summary>
public sealed class LearnerRig
{
    public LearnerRig(TrainingOptions? options = null, TrainerFactory? trainers = null)
    {
        Time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(Streams.Start));
        Log = new MemoryLog(Time);
        Registry = Metrics.NewCustomRegistry();
        Outlets = new LearnerOutlets(
            Stores, Stores, Log, Time, options ?? new TrainingOptions(), new LearnerMetrics(Metrics.WithCustomRegistry(Registry)), Messages, trainers);
    }

    public FakeTimeProvider Time { get; }

    public MemoryStores Stores { get; } = new();

    public MemoryLog Log { get; }

    public CollectorRegistry Registry { get; }

    public LearnerOutlets Outlets { get; }

    public RecordingLogger Messages { get; } = new();

    public long Next { get; set; }

    public long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    public TrainingLoop Loop { get; private set; } = null!;

    public PartitionLearner Learner => Loop.Learners[0];

    /// <summary>What a learner does while a store is away; the test decides what happens meanwhile.</summary>
    public Func<TimeSpan, bool> Pause { get; set; } = static _ => throw new InvalidOperationException("Nothing should wait here.");

    public TrainingLoop Assign(Experiment experiment)
    {
        Loop = new TrainingLoop(experiment, Outlets, duration => Pause(duration));
        Next = Loop.Assigned(0);
        return Loop;
    }

    /// <summary>Hands over at most so many records, then idles.</summary>
    public void Feed(int records = int.MaxValue)
    {
        for (; records > 0 && Next < Log.Records.Count; records--)
        {
            Loop.Handle(Log[(int)Next]);
            Next++;
        }
        Loop.Idle(Next == Log.Records.Count);
    }

    public void Advance(TimeSpan time) => Time.Advance(time);

    /// <summary>The slow, obvious twin: the whole log from its beginning, one record after the other, nothing kept in between.</summary>
    public ReplayResult Replay(Experiment experiment) => LogReplay.Run(experiment, Log.All, null, CancellationToken.None);

    public string Digest => Learner.Digest.ToString("x16", System.Globalization.CultureInfo.InvariantCulture);

    public string Scrape()
    {
        using var stream = new MemoryStream();
        Registry.CollectAndExportAsTextAsync(stream).GetAwaiter().GetResult();
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}

/// <summary>Keeps messages.</summary>
public sealed class RecordingLogger : ILogger
{
    private readonly Lock _gate = new();
    private readonly List<(int Id, LogLevel Level, string Text)> _messages = [];

    public IReadOnlyList<(int Id, LogLevel Level, string Text)> All
    {
        get
        {
            lock (_gate)
                return [.. _messages];
        }
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_gate)
            _messages.Add((eventId.Id, logLevel, formatter(state, exception)));
    }
}
