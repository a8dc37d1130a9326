using System.Globalization;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Training;

/// <summary>
/// How well two policies foresee the same rewards: squared errors of normalised rewards, in pairs, so that what is hard to foresee for both does not count as noise.
/// Bounded and a proper score whatever loss the policies were trained with.
/// </summary>
/// <remarks>
/// The newer policy has usually learned from these very rewards, which speaks for it. So this finds one that has become worse all the same, and says nothing about one
/// that seems better: it is for holding back, not for choosing.
/// </remarks>
/// <param name="Count">Interactions compared on.</param>
/// <param name="Before">Mean squared error of the older policy.</param>
/// <param name="After">That of the newer one.</param>
/// <param name="StandardError">Of the difference of the two; 0 where all pairs differ by the same.</param>
public readonly record struct ForesightComparison(int Count, double Before, double After, double StandardError)
{
    /// <summary>Fewer say too little about their own spread.</summary>
    public const int CountMin = 16;

    /// <summary>
    /// Standard errors beyond which a difference is no noise. Publications are many, so a false one in thirty thousand is wanted; the differences have fat tails.
    /// </summary>
    public const double Errors = 4;

    /// <summary>Least difference that matters: as if every estimate were off by a seventh of the range of rewards, and had been right.</summary>
    public const double Least = 0.02;

    /// <summary>Whether the newer policy is worse beyond noise, and by more than does not matter.</summary>
    public bool IsWorse => Count >= CountMin && After - Before > Least && After - Before > Errors * StandardError;

    /// <summary>Compares.</summary>
    /// <param name="older">Serves.</param>
    /// <param name="newer">Is to serve.</param>
    /// <param name="range">The values that rewards can take.</param>
    /// <param name="interactions">What both are asked about.</param>
    public static ForesightComparison Of(IPolicy older, IPolicy newer, RewardRange range, IReadOnlyCollection<Interaction> interactions)
    {
        double before = 0, after = 0, squares = 0;
        foreach (var interaction in interactions)
        {
            var (old, fresh) = (Error(older, range, interaction), Error(newer, range, interaction));
            before += old;
            after += fresh;
            squares += (fresh - old) * (fresh - old);
        }
        var count = interactions.Count;
        if (count < CountMin)
            return new(count, 0, 0, 0);
        var mean = (after - before) / count;
        // Rounding may take a little more than there is.
        var variance = Math.Max(0, squares - count * mean * mean) / (count - 1);
        return new(count, before / count, after / count, Math.Sqrt(variance / count));
    }

    /// <summary>One sentence.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"The mean squared error over the newest {Count} interactions is {After:0.000}, that of what is served {Before:0.000}, and the difference {After - Before:0.000} ± {StandardError:0.000}.");

    private static double Error(IPolicy policy, RewardRange range, Interaction interaction)
    {
        ReadOnlySpan<Candidate> candidates = [new(default, interaction.Action, interaction.ActionFeatures)];
        Span<float> mean = stackalloc float[1], width = stackalloc float[1];
        policy.Estimate(new DecisionQuery(interaction.Context, candidates, interaction.Clusters.Span), mean, width);
        var error = (mean[0] - interaction.Reward) / (range.Maximum - range.Minimum);
        return error * error;
    }
}
