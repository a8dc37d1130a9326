using System.Buffers;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// Upper bounds with a randomised pick: uniform among the k actions with the largest mean + α·width, mixed with a small uniform share. It spreads the
/// decisions that are made while rewards are on their way, at the price of the k − 1 picks that are not the best. Actions that tie for the last places
/// share them: with r places for t of equal bound, each has r/t of the share of one place.
/// </summary>
/// <remarks>O(K log K), allocates nothing.</remarks>
/// <param name="alpha">Widths added to the mean, at least 0.</param>
/// <param name="places">k, at least 1; 1 is <see cref="Optimistic"/>, and with no more actions than places the choice is uniform.</param>
/// <param name="floor">Share of decisions made uniformly, 0 to 1.</param>
public readonly struct TopK(double alpha, int places, double floor) : IExplorer
{
    private const int StackCandidates = 256;

    /// <inheritdoc/>
    public bool NeedsWidths => true;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var count = means.Length;
        var kept = Math.Min(places, count);
        double[]? rented = null;
        var ranking = (count <= StackCandidates ? stackalloc double[StackCandidates] : (rented = ArrayPool<double>.Shared.Rent(count)))[..count];
        for (var i = 0; i < count; i++)
            ranking[i] = Score(means[i], widths[i]);
        ranking.Sort();
        var last = ranking[count - kept];
        int above = 0, ties = 0;
        foreach (var score in ranking)
        {
            above += score > last ? 1 : 0;
            ties += score == last ? 1 : 0;
        }
        if (rented is not null)
            ArrayPool<double>.Shared.Return(rented);

        var uniform = floor / count;
        var place = (1 - floor) / kept;
        var shared = place * (kept - above) / ties;
        for (var i = 0; i < count; i++)
        {
            var score = Score(means[i], widths[i]);
            propensities[i] = (float)(uniform + (score > last ? place : score == last ? shared : 0));
        }
    }

    private double Score(float mean, float width) => mean + alpha * width;
}
