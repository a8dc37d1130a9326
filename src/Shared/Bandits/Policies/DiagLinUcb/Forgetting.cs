namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// Forward exponential decay (Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009): an interaction is added with a weight that grows with its time, and all sums are
/// divided by the growth until now when they are read. So sums stay sums, and any order and any split over learners give the same bits.
/// </summary>
/// <remarks>
/// Growth is counted within periods of <see cref="HalfLivesPerPeriod"/> half-lives, each with sums of its own, so that nothing overflows. The newest two periods are kept:
/// what is older counts for less than 1 in <see cref="GrowthMax"/> of an interaction of today.
/// </remarks>
/// <param name="HalfLife">Milliseconds after which an interaction counts half; 0 never to forget.</param>
public readonly record struct Forgetting(double HalfLife)
{
    /// <summary>Half-lives of one period.</summary>
    public const int HalfLivesPerPeriod = 8;

    /// <summary>Growth within a period.</summary>
    public const long GrowthMax = 1L << HalfLivesPerPeriod;

    /// <summary>Reading time moves in so many steps per half-life, so that what is derived from all sums need not be derived anew at every read.</summary>
    public const int StepsPerHalfLife = 16;

    private const int StepsPerPeriod = HalfLivesPerPeriod * StepsPerHalfLife;

    /// <summary>Whether anything is forgotten at all.</summary>
    public bool IsOn => HalfLife > 0;

    /// <summary>The period of a time; 0 when nothing is forgotten.</summary>
    /// <param name="time">Unix milliseconds; times before 1970 count as 1970.</param>
    public long PeriodOf(long time) => IsOn ? (long)(Math.Max(0, time) / (HalfLife * HalfLivesPerPeriod)) : 0;

    /// <summary>g: how much an interaction counts in the sums of its period, in [1, <see cref="GrowthMax"/>].</summary>
    public double Growth(long time)
    {
        if (!IsOn)
            return 1;
        var lives = Math.Max(0, time) / HalfLife - (double)PeriodOf(time) * HalfLivesPerPeriod;
        return Math.Clamp(Math.Pow(2, lives), 1, GrowthMax);
    }

    /// <summary>The step at which sums are read whose newest interaction has a time; 0 when nothing is forgotten.</summary>
    public long StepOf(long newest) => IsOn ? (long)Math.Ceiling(Math.Max(0, newest) / HalfLife * StepsPerHalfLife) : 0;

    /// <summary>What the sums of a period are multiplied with when read at a step; at most 1 for all that they hold.</summary>
    public double Factor(long period, long step) =>
        // The bound also keeps numbers finite where a damaged table has a period beyond its newest time.
        IsOn ? Math.Min(1, Math.Pow(2, ((double)period * StepsPerPeriod - step) / StepsPerHalfLife)) : 1;
}
