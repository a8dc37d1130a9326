namespace Recsys.Learner.Training;

/// <summary>
/// When to publish, save, give a sign of life and tick: pure functions of counts and times, so that every case can be tested without waiting. Times
/// are milliseconds of one monotonic clock unless said otherwise.
/// </summary>
public static class Cadence
{
    /// <summary>A publication or checkpoint that took t is not repeated before this many times t have passed: at most a fifth of the thread goes there.</summary>
    public const int CostMultiple = 4;

    /// <summary>Whether new parameters are due: something was learned, and the interval has passed or much was learned.</summary>
    /// <param name="options">The intervals.</param>
    /// <param name="unpublished">Interactions learned since the last publication.</param>
    /// <param name="sinceLast">Since the last publication.</param>
    /// <param name="cost">What the last publication took.</param>
    public static bool IsPublicationDue(TrainingOptions options, long unpublished, double sinceLast, double cost) =>
        unpublished > 0
        && sinceLast >= CostMultiple * cost
        && (sinceLast >= options.PublishInterval.TotalMilliseconds || unpublished >= options.PublishInteractionsMax);

    /// <summary>Bytes of deltas below which no new base is due: a base that small is not worth a publication of its own.</summary>
    public const int BaseBytesMin = 64 << 10;

    /// <summary>
    /// Whether deltas need a new base: reading them has come to cost what reading the base costs. Whole parameters are then written once for as many bytes of deltas,
    /// so that publishing costs, all in all, a constant factor of what changed.
    /// </summary>
    /// <param name="deltaBytes">Bytes of deltas since the last base.</param>
    /// <param name="baseBytes">Bytes of that base.</param>
    /// <param name="sinceLast">Since that base was published.</param>
    /// <param name="cost">What publishing it took.</param>
    public static bool IsBaseDue(long deltaBytes, long baseBytes, double sinceLast, double cost) =>
        deltaBytes >= Math.Max(baseBytes, BaseBytesMin) && sinceLast >= CostMultiple * cost;

    /// <summary>Whether a sign of life is due: nothing to publish, and the interval has passed.</summary>
    /// <param name="options">The intervals.</param>
    /// <param name="unpublished">Interactions learned since the last publication.</param>
    /// <param name="sinceLast">Since the last publication or sign of life.</param>
    public static bool IsHeartbeatDue(TrainingOptions options, long unpublished, double sinceLast) =>
        unpublished == 0 && sinceLast >= options.HeartbeatInterval.TotalMilliseconds;

    /// <summary>Whether a checkpoint is due: something was read, and the interval has passed.</summary>
    /// <param name="options">The intervals.</param>
    /// <param name="unsaved">Records read since the last checkpoint.</param>
    /// <param name="sinceLast">Since the last checkpoint.</param>
    /// <param name="cost">What the last checkpoint took.</param>
    public static bool IsCheckpointDue(TrainingOptions options, long unsaved, double sinceLast, double cost) =>
        unsaved > 0 && sinceLast >= options.CheckpointInterval.TotalMilliseconds && sinceLast >= CostMultiple * cost;

    /// <summary>Whether a tick is due: a reward window should have closed by the clock, and no event has come to close it.</summary>
    /// <param name="options">The intervals.</param>
    /// <param name="deadline">Event time at which a window closes, Unix ms, or null.</param>
    /// <param name="now">The host's clock, Unix ms.</param>
    /// <param name="sinceLast">Since the last tick was written.</param>
    /// <param name="caughtUp">Whether the log is read to its end: an event that closes the window may be waiting there.</param>
    public static bool IsTickDue(TrainingOptions options, long? deadline, long now, double sinceLast, bool caughtUp) =>
        caughtUp && deadline is { } at && now - at >= options.TickSlack.TotalMilliseconds && sinceLast >= options.TickInterval.TotalMilliseconds;
}

/// <summary>How long to leave a store alone after it could not be reached: doubling, bounded, back to the start on success.</summary>
/// <param name="first">The first pause.</param>
/// <param name="most">The longest pause.</param>
public sealed class Backoff(TimeSpan first, TimeSpan most)
{
    private double _until = double.MinValue;

    /// <summary>The pause that the last failure earned, zero after a success.</summary>
    public TimeSpan Pause { get; private set; }

    /// <summary>Whether the last attempt failed.</summary>
    public bool IsAway => Pause > TimeSpan.Zero;

    /// <summary>Whether to try now.</summary>
    public bool IsOver(double now) => now >= _until;

    /// <summary>An attempt failed.</summary>
    public void Failed(double now)
    {
        Pause = IsAway ? TimeSpan.FromTicks(Math.Min(2 * Pause.Ticks, most.Ticks)) : first;
        _until = now + Pause.TotalMilliseconds;
    }

    /// <summary>An attempt succeeded.</summary>
    public void Succeeded()
    {
        Pause = TimeSpan.Zero;
        _until = double.MinValue;
    }
}
