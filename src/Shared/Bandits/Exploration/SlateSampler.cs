using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// Fills the positions of a decision one by one, without replacement: each position is a draw from the policy's distribution over what is
/// left, and its propensity is conditional on the positions before it.
/// </summary>
public static class SlateSampler
{
    /// <summary>Floats of scratch that <see cref="Draw"/> needs for K candidates.</summary>
    public static int ScratchLength(int candidates) => 3 * candidates;

    /// <summary>Draws the positions.</summary>
    /// <param name="policy">Gives the distribution for each position.</param>
    /// <param name="means">Length K, from <see cref="IPolicy.Estimate"/>.</param>
    /// <param name="widths">Length K, from <see cref="IPolicy.Estimate"/>.</param>
    /// <param name="seed">The decision's randomness.</param>
    /// <param name="slots">Written; its length is the number of positions, 1 to K.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> floats, overwritten.</param>
    /// <param name="order">At least K ints, overwritten.</param>
    public static void Draw(
        IPolicy policy,
        ReadOnlySpan<float> means,
        ReadOnlySpan<float> widths,
        DecisionSeed seed,
        Span<ChosenSlot> slots,
        Span<float> scratch,
        Span<int> order)
    {
        var left = means.Length;
        var leftMeans = scratch[..left];
        var leftWidths = scratch.Slice(left, left);
        var propensities = scratch.Slice(2 * left, left);
        means.CopyTo(leftMeans);
        widths[..left].CopyTo(leftWidths);
        for (var i = 0; i < left; i++)
            order[i] = i;

        for (var slot = 0; slot < slots.Length; slot++)
        {
            policy.Distribute(leftMeans[..left], leftWidths[..left], propensities[..left]);
            var drawn = PropensitySampler.Draw(propensities[..left], seed.Uniform(slot));
            slots[slot] = new ChosenSlot(order[drawn], propensities[drawn]);
            // Close the gap in order: a swap would make the distribution of later positions depend on the order of the request.
            left--;
            leftMeans[(drawn + 1)..(left + 1)].CopyTo(leftMeans[drawn..]);
            leftWidths[(drawn + 1)..(left + 1)].CopyTo(leftWidths[drawn..]);
            order[(drawn + 1)..(left + 1)].CopyTo(order[drawn..]);
        }
    }
}
