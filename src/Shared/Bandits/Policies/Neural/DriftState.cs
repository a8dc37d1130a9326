namespace Recsys.Bandits.Policies.Neural;

/// <summary>What <see cref="DriftSignal"/> has seen: all of its state, and its answer. The default value has seen nothing.</summary>
/// <param name="Alarms">How often losses have risen, at least 0.</param>
/// <param name="Since">Interactions since the last alarm, or since the beginning; 0 for the one that raised it.</param>
/// <param name="Seen">Interactions since the means began anew, which they do when losses have risen or fallen; at most <paramref
/// name="Since"/>.</param>
/// <param name="Fast">Mean loss of the latest of them.</param>
/// <param name="Slow">Mean loss of many of them.</param>
/// <param name="Variance">Variance of single losses, over as many.</param>
/// <param name="Third">Third central moment of single losses, over as many.</param>
/// <param name="Block">Sum of the losses in the block that is not complete.</param>
/// <param name="LastBlock">Mean of the last complete block.</param>
/// <param name="Between">Half the mean squared difference of successive blocks' means: the variance of such a mean.</param>
public readonly record struct DriftState(
    long Alarms,
    long Since,
    long Seen,
    double Fast,
    double Slow,
    double Variance,
    double Third,
    double Block,
    double LastBlock,
    double Between)
{
    /// <summary>Whether the interaction seen last has raised an alarm.</summary>
    public bool IsAlarm => Alarms > 0 && Since == 0;

    /// <summary>Whether losses can have led here; for those who read it from bytes.</summary>
    public bool IsValid =>
        Alarms is >= 0 and < long.MaxValue && Seen >= 0 && Since >= Seen && Since < long.MaxValue && IsSum(Fast) && IsSum(Slow) && IsSum(Variance)
        && Math.Abs(Third) <= Largest && IsSum(Block) && IsSum(LastBlock) && IsSum(Between);

    // Third powers of what is larger may be infinite after the next loss.
    private const double Largest = 1e90;

    private static bool IsSum(double value) => value is >= 0 and <= 1e30;
}
