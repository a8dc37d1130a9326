namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// Notices that a model has become wrong: the mean of its latest prequential losses, each from before it learned from the interaction, has
/// risen above the mean of many by more than chance explains.
/// <code>
/// alarm:  fast − slow  &gt;  z·√(V·w/2) + (z² − 1)/9·w·J,  and &gt; LeastRise        w = 1/FastMemory
/// V = variance of a loss, or FastMemory · variance of the mean of a block if that is more
/// J = third central moment / variance, at least 0
/// </code>
/// </summary>
/// <remarks>
/// Both means fade exponentially, so that √(V·w/2) is the standard error of the fast one. The second term is the Cornish-Fisher correction
/// of a normal quantile for skewness: losses of rare rewards are sums of a few jumps of height J, and without it a few clicks in a row
/// would be an alarm. Blocks of FastMemory losses, compared with the one before so that a shift counts once, see what bursts of similar
/// interactions add; bursts that are longer than a block cannot be told from drift. Losses that fall by as much are no alarm but begin the
/// means anew too: what has been learned is the level to keep. After either, everything starts from the next interaction on, and for two
/// fast memories there is no judgement: a shift while the model is still learning its first few hundred interactions goes unseen. O(1),
/// allocates nothing, deterministic.
/// </remarks>
/// <param name="FastMemory">Interactions in the fast mean, and in a block, at least 2. Default 64.</param>
/// <param name="SlowMemory">Interactions in the slow mean, above the other. Default 4096: with fewer the mean follows a small or gradual
/// rise before it is seen.</param>
/// <param name="StandardErrors">z, at least 1. Default 4.5: less than one false alarm in a million interactions whose losses are
/// independent.</param>
/// <param name="LeastRise">In units of loss, not negative. Default 0.001: a model that is nearly always right may wobble.</param>
public sealed record DriftSignal(int FastMemory = 64, int SlowMemory = 4096, double StandardErrors = 4.5, double LeastRise = 0.001)
{
    // Half of those that are remembered at the defaults. With an eighth, a shift after a few hundred interactions is seen a tenth later, and
    // false alarms in bursts are a quarter fewer.
    private const double ImaginedBlocks = 32;

    /// <summary>The state after one more interaction; <see cref="DriftState.IsAlarm"/> says whether it raised an alarm.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="loss">Loss of the prediction before learning from it, at least 0: squared, logarithmic, or an error counted as
    /// 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The loss is negative or not finite.</exception>
    public DriftState Observe(in DriftState state, double loss)
    {
        if (!(loss >= 0 && double.IsFinite(loss)))
            throw new ArgumentOutOfRangeException(nameof(loss), loss, "A loss is finite and at least 0.");
        var next = Average(state, loss);
        if (next.Seen < 2 * FastMemory)
            return next;
        var rise = next.Fast - next.Slow;
        // A fall is a rise of the negative losses, whose third moment has the other sign.
        if (Math.Abs(rise) <= Math.Max(LeastRise, Chance(next, rise > 0 ? next.Third : -next.Third)))
            return next;
        return rise > 0
            ? default(DriftState) with { Alarms = state.Alarms + 1 }
            : default(DriftState) with { Alarms = state.Alarms, Since = next.Since };
    }

    /// <summary>How far the fast mean strays by chance.</summary>
    private double Chance(in DriftState state, double third)
    {
        var weight = 1.0 / FastMemory;
        var blocks = Math.Clamp(state.Seen / FastMemory - 1, 0, SlowMemory / FastMemory);
        // Few blocks say little: as if others had been seen that had no bursts in them.
        var correlated = (blocks * FastMemory * state.Between + ImaginedBlocks * state.Variance) / (blocks + ImaginedBlocks);
        var variance = Math.Max(state.Variance, correlated);
        var jump = state.Variance > 0 ? Math.Max(0, third / state.Variance) : 0;
        return StandardErrors * Math.Sqrt(variance * weight / 2) + (StandardErrors * StandardErrors - 1) / 9 * weight * jump;
    }

    private DriftState Average(in DriftState state, double loss)
    {
        var seen = state.Seen + 1;
        double fast = 1.0 / Math.Min(seen, FastMemory), slow = 1.0 / Math.Min(seen, SlowMemory);
        var far = loss - state.Slow;
        // Central moments of the old losses, with weight 1 − slow, together with the new one: exactly 0 while all losses are equal.
        var variance = (1 - slow) * (state.Variance + slow * far * far);
        var third = (1 - slow) * (state.Third + slow * (1 - 2 * slow) * far * far * far - 3 * slow * far * state.Variance);
        var next = state with
        {
            Since = state.Since + 1,
            Seen = seen,
            Fast = state.Fast + fast * (loss - state.Fast),
            Slow = state.Slow + slow * far,
            Variance = variance,
            Third = third,
            Block = state.Block + loss,
        };
        return seen % FastMemory == 0 ? Close(next) : next;
    }

    /// <summary>Compares the block that has become complete with the one before.</summary>
    private DriftState Close(in DriftState state)
    {
        var mean = state.Block / FastMemory;
        var differences = state.Seen / FastMemory - 1;
        var weight = 1.0 / Math.Clamp(differences, 1, Math.Max(1, SlowMemory / FastMemory));
        var squared = differences == 0 ? 0 : 0.5 * (mean - state.LastBlock) * (mean - state.LastBlock);
        return state with { Block = 0, LastBlock = mean, Between = state.Between + weight * (squared - state.Between) };
    }
}
