namespace Recsys.Learner.Hosting;

/// <summary>What the probes of the learner ask. It stays ready while a store or the log is away: it waits for them by itself, and a restart would not help.</summary>
public sealed class LearnerHealth
{
    private volatile bool _listed;
    private volatile bool _stopping;
    private volatile int _experiments;

    /// <summary>Whether the experiments have been read at least once.</summary>
    public bool Listed { get => _listed; set => _listed = value; }

    /// <summary>Whether the learner is saving everything for the last time.</summary>
    public bool IsStopping { get => _stopping; set => _stopping = value; }

    /// <summary>Experiments being learned.</summary>
    public int Experiments { get => _experiments; set => _experiments = value; }

    /// <summary>Whether it does its work.</summary>
    public bool IsReady => Listed && !IsStopping;
}
