namespace Recsys.Learner.Tests.Support;

/// <summary>The process dies here. No code under test knows this type, so nothing can catch it by name.</summary>
public sealed class KilledException : Exception;

/// <summary>Counts the steps of a run and ends it at a chosen one: from then on every further step fails, as nothing runs in a dead process.</summary>
public sealed class Killer(int at = int.MaxValue)
{
    public int Steps { get; private set; }

    public void Step()
    {
        if (Steps++ >= at)
            throw new KilledException();
    }
}
