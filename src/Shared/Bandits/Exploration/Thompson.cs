using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// Thompson sampling (Thompson 1933) as a distribution: the probability that an action's value is the largest when the values are independent normals
/// N(mean, (α·width)²), by quadrature, mixed with a small uniform share. The draw happens afterwards from these numbers, so a logged propensity is exactly the
/// probability that was used; approximate is only how close the distribution is to that of an ideal sampler.
/// </summary>
/// <remarks>
/// The largest value lies in a cell (a, b] of a grid with probability F(b) − F(a), F being the product of the actions' normal distribution functions Φ. That
/// mass is shared among the actions in proportion to the growth of their ln Φ over the cell, which is exact as cells shrink. The grid starts with cells that
/// grow from the narrowest width to the whole range: an action that can still be best has its mean within a few of its own widths of the lower end, or above
/// everything, so each scale is resolved where it matters, a fresh item's enormous width and a known one's side by side. It is refined once, so that its cells hold
/// equal shares of the mass, the lowest ones halving shares because ln Φ grows fastest there. Off by less than 0.004 when every width is zero or at least a
/// billionth of the range of values; between the two a width blurs into a step. Unlike an argmax of upper bounds, this keeps decisions made before any feedback
/// arrives from all falling on one action. O(K · <see cref="Cells"/>) for the K actions that can still be best; allocates nothing.
/// </remarks>
/// <param name="alpha">Standard deviations per width, at least 0; 0 is greedy.</param>
/// <param name="floor">Share of decisions made uniformly, 0 to 1.</param>
public readonly struct Thompson(double alpha, double floor) : IExplorer
{
    /// <summary>Cells of the grid.</summary>
    public const int Cells = 48;

    // Cells at the lower end, each with half the mass of the next.
    private const int HalvingCells = 8;

    // Narrowest width, as a part of the range of values, and of a value itself so that numbers just below it differ from it: a width of zero becomes a
    // step that is sharp on every grid.
    private const double SharpestInRange = 1e-12, SharpestOfValue = 1e-15;

    // Farther than this many standard deviations from its mean a value is taken never to lie: 3 in ten million.
    private const double Tail = 5;
    private const int StackCandidates = 192;

    // Contenders are rounded up to whole vectors by ones that are never the largest.
    private const int Lanes = 8;
    private const double Nowhere = -1e300;

    /// <inheritdoc/>
    public bool NeedsWidths => true;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var count = means.Length;
        // The largest value is above `low` because one value alone is, and below `high` because all are.
        double low = double.NegativeInfinity, high = double.NegativeInfinity;
        for (var i = 0; i < count; i++)
        {
            low = Math.Max(low, means[i] - Tail * alpha * widths[i]);
            high = Math.Max(high, means[i] + Tail * alpha * widths[i]);
        }
        if (!(high > low))
        {
            new Optimistic(0, floor).Distribute(means, widths, propensities);
            return;
        }

        // The grid begins below the lowest step, which would else lose the half of it that lies there.
        var sharp = Math.Max(SharpestInRange * (high - low), SharpestOfValue * Math.Max(Math.Abs(low), Math.Abs(high)));
        low -= Tail * sharp;

        double[]? rented = null;
        int[]? rentedIndices = null;
        var room = (count + Lanes - 1) / Lanes * Lanes;
        var scratch = room <= StackCandidates ? stackalloc double[5 * StackCandidates] : (rented = ArrayPool<double>.Shared.Rent(5 * room));
        var indices = room <= StackCandidates ? stackalloc int[StackCandidates] : (rentedIndices = ArrayPool<int>.Shared.Rent(count));
        var contenders = 0;
        var narrowest = high - low;
        for (var i = 0; i < count; i++)
        {
            // Nobody else can be the largest.
            if (!(means[i] + Tail * alpha * widths[i] >= low))
                continue;
            indices[contenders] = i;
            var deviation = Math.Max(alpha * widths[i], sharp);
            narrowest = Math.Min(narrowest, deviation);
            scratch[contenders] = means[i];
            scratch[room + contenders++] = 1 / deviation;
        }
        var whole = (contenders + Lanes - 1) / Lanes * Lanes;
        scratch[contenders..whole].Fill(Nowhere);
        scratch.Slice(room + contenders, whole - contenders).Fill(1);
        Span<double> grid = stackalloc double[Cells + 1], below = stackalloc double[Cells + 1];
        Space(grid, low, high, narrowest);
        var contender = new Contenders(scratch[..whole], scratch.Slice(room, whole));
        Span<double> before = scratch.Slice(2 * room, whole), now = scratch.Slice(3 * room, whole), mass = scratch.Slice(4 * room, whole);
        contender.Reach(grid, below, now);
        Refine(grid, below);
        var total = contender.Share(grid, before, now, mass);

        propensities[..count].Fill((float)(floor / count));
        for (var i = 0; i < contenders; i++)
            propensities[indices[i]] = (float)((1 - floor) * (mass[i] / total) + floor / count);
        if (rented is not null)
        {
            ArrayPool<double>.Shared.Return(rented);
            ArrayPool<int>.Shared.Return(rentedIndices!);
        }
    }

    /// <summary>Cells that grow by one factor, from half the narrowest width, or that of even cells if smaller, to the whole range.</summary>
    private static void Space(Span<double> grid, double low, double high, double narrowest)
    {
        var range = high - low;
        var distance = Math.Min(0.5 * narrowest, range / Cells);
        var factor = Math.Pow(range / distance, 1.0 / (Cells - 1));
        grid[0] = low;
        for (var i = 1; i < Cells; i++, distance *= factor)
            grid[i] = low + distance;
        grid[Cells] = high;
    }

    /// <summary>Moves the inner points of a grid to where the wanted shares of F lie between them, F taken as linear within the old cells.</summary>
    private static void Refine(Span<double> grid, ReadOnlySpan<double> below)
    {
        Span<double> old = stackalloc double[Cells + 1];
        grid.CopyTo(old);
        const double Share = 1.0 / (Cells - HalvingCells + 1);
        var halved = Share / (1 << HalvingCells);
        var cell = 0;
        for (var i = 1; i < Cells; i++)
        {
            halved *= 2;
            var target = below[0] + (below[Cells] - below[0]) * (i < HalvingCells ? halved : (i - HalvingCells + 1) * Share);
            while (cell < Cells - 1 && below[cell + 1] < target)
                cell++;
            var inside = below[cell + 1] > below[cell] ? (target - below[cell]) / (below[cell + 1] - below[cell]) : 0;
            grid[i] = old[cell] + (old[cell + 1] - old[cell]) * Math.Clamp(inside, 0, 1);
        }
    }

    private readonly ref struct Contenders(ReadOnlySpan<double> means, ReadOnlySpan<double> precisions)
    {
        private readonly ReadOnlySpan<double> _means = means;
        private readonly ReadOnlySpan<double> _precisions = precisions;

        /// <summary>Writes F at every point.</summary>
        public void Reach(ReadOnlySpan<double> grid, Span<double> below, Span<double> scratch)
        {
            for (var i = 0; i < grid.Length; i++)
                below[i] = Math.Exp(NormalLaw.LogBelow(grid[i], _means, _precisions, scratch));
        }

        /// <summary>Shares the mass of every cell; returns how much that was.</summary>
        public double Share(ReadOnlySpan<double> grid, Span<double> before, Span<double> now, Span<double> mass)
        {
            mass.Clear();
            double total = 0;
            var reached = Math.Exp(NormalLaw.LogBelow(grid[0], _means, _precisions, before));
            for (var cell = 1; cell < grid.Length; cell++)
            {
                var below = Math.Exp(NormalLaw.LogBelow(grid[cell], _means, _precisions, now));
                var growth = Grow(before, now);
                if (below > reached && growth > 0)
                {
                    Credit(below - reached, before, growth, mass);
                    total += below - reached;
                    reached = below;
                }
                var swap = before;
                before = now;
                now = swap;
            }
            return total;
        }

        /// <summary>from ← max(0, to − from): rounding may have let a logarithm fall.</summary>
        /// <returns>The sum.</returns>
        private static double Grow(Span<double> from, ReadOnlySpan<double> to)
        {
            var sums = Vector512<double>.Zero;
            var later = MemoryMarshal.Cast<double, Vector512<double>>(to);
            var growths = MemoryMarshal.Cast<double, Vector512<double>>(from)[..later.Length];
            for (var i = 0; i < later.Length; i++)
                sums += growths[i] = Vector512.Max(later[i] - growths[i], Vector512<double>.Zero);
            return Vector512.Sum(sums);
        }

        /// <summary>mass += amount·part/whole.</summary>
        private static void Credit(double amount, ReadOnlySpan<double> parts, double whole, Span<double> mass)
        {
            var shares = MemoryMarshal.Cast<double, Vector512<double>>(mass);
            var of = MemoryMarshal.Cast<double, Vector512<double>>(parts)[..shares.Length];
            for (var i = 0; i < shares.Length; i++)
                shares[i] += amount * (of[i] / Vector512.Create(whole));
        }
    }
}
