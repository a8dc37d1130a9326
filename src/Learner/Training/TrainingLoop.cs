using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>
/// The one loop of an experiment, on the one thread that calls <see cref="Run"/>: owns the partitions that the log assigns and gives each record to its
/// learner. <see cref="Follow"/> and <see cref="Discard"/> may be called from elsewhere.
/// </summary>
public sealed class TrainingLoop : IPartitionOwner
{
    /// <summary>Pause before partitions are asked for again after another writer was met: time for the log's own hand-over to settle.</summary>
    public static readonly TimeSpan RejoinAfter = TimeSpan.FromSeconds(1);

    private readonly LearnerOutlets _outlets;
    private readonly Func<TimeSpan, bool> _pause;
    private readonly Dictionary<int, PartitionLearner> _learners = [];
    private volatile Experiment _experiment;
    private volatile bool _discard;

    /// <summary>A loop that owns nothing yet.</summary>
    /// <param name="experiment">What to learn.</param>
    /// <param name="outlets">Where results go.</param>
    /// <param name="pause">Waits while a store is away; false when the loop is stopping and waiting is over.</param>
    public TrainingLoop(Experiment experiment, LearnerOutlets outlets, Func<TimeSpan, bool> pause)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(outlets);
        _experiment = experiment;
        _outlets = outlets;
        _pause = pause;
    }

    /// <summary>Partitions owned now.</summary>
    public IReadOnlyDictionary<int, PartitionLearner> Learners => _learners;

    /// <summary>Whether a partition is ours by the log and another's by the store: leave the log, wait, and come back for the newest checkpoint.</summary>
    public bool MustRejoin { get; private set; }

    /// <summary>Takes a changed definition of the same generation: what was learned stands.</summary>
    public void Follow(Experiment experiment) => _experiment = experiment;

    /// <summary>From now on nothing is written when partitions are given back: the experiment is gone, or learned anew under another definition.</summary>
    public void Discard() => _discard = true;

    /// <summary>Reads and learns until stopped; then publishes and saves everything once more.</summary>
    public void Run(IEventSource source, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!EnsureLog())
            return;
        do
        {
            // What a failed round left behind was not saved and will be read again.
            foreach (var partition in _learners.Keys.ToList())
                Lost(partition);
            MustRejoin = false;
            using var round = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            source.Consume(_experiment.Name, new Round(this, round), round.Token);
        }
        while (_pause(RejoinAfter));
    }

    /// <inheritdoc/>
    public long Assigned(int partition)
    {
        var backoff = new Backoff(_outlets.Options.RetryInterval, _outlets.Options.RetryIntervalMax);
        while (true)
        {
            try
            {
                var learner = PartitionLearner.TakeOver(_experiment, partition, _outlets, _pause);
                _learners[partition] = learner;
                return learner.NextOffset;
            }
            catch (StoreUnavailableException problem)
            {
                if (!backoff.IsAway)
                    _outlets.Log.StoreAway(_experiment.Name, partition, problem.Message);
                backoff.Failed(0);
                // Stopping: the partition has no learner, so whatever is still handed over is ignored.
                if (!_pause(backoff.Pause))
                    return 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Handle(in LogRecord record)
    {
        if (_learners.TryGetValue(record.Partition, out var learner))
            learner.Handle(record);
    }

    /// <inheritdoc/>
    public void Idle(bool caughtUp)
    {
        foreach (var learner in _learners.Values)
        {
            learner.Mode = _experiment.Definition.Mode;
            learner.Idle(caughtUp);
            MustRejoin |= learner.IsFenced;
        }
    }

    /// <inheritdoc/>
    public void Revoked(int partition)
    {
        if (!_learners.Remove(partition, out var learner))
            return;
        if (_discard)
            learner.Drop();
        else
            learner.Close();
    }

    /// <inheritdoc/>
    public void Lost(int partition)
    {
        if (_learners.Remove(partition, out var learner))
            learner.Drop();
    }

    private bool EnsureLog()
    {
        while (true)
        {
            try
            {
                _outlets.Events.EnsureLogAsync(_experiment.Name, CancellationToken.None).GetAwaiter().GetResult();
                return true;
            }
            catch (StoreUnavailableException problem)
            {
                _outlets.Log.LogAway(_experiment.Name, problem.Message);
                if (!_pause(_outlets.Options.RetryIntervalMax))
                    return false;
            }
        }
    }

    // Ends the round when the loop wants to come back; the log then takes all partitions away in good order.
    private sealed class Round(TrainingLoop loop, CancellationTokenSource round) : IPartitionOwner
    {
        public long Assigned(int partition) => loop.Assigned(partition);

        public void Handle(in LogRecord record) => loop.Handle(record);

        public void Idle(bool caughtUp)
        {
            loop.Idle(caughtUp);
            if (loop.MustRejoin)
                round.Cancel();
        }

        public void Revoked(int partition) => loop.Revoked(partition);

        public void Lost(int partition) => loop.Lost(partition);
    }
}
