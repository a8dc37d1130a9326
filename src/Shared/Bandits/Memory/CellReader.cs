using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Memory;

/// <summary>Gathers the cells of rows and corrects their predictions. The equations are at <see cref="FrozenMemory"/>. Immutable, allocation-free.</summary>
internal sealed class CellReader
{
    private const int Chunk = 16;
    private readonly MemoryOptions _options;
    private readonly MemoryTrust _trust;
    private readonly CellLayout _layout;
    private readonly float[][] _pages;
    private readonly double _previousWeight;
    private readonly double _background;
    private readonly double _backgroundCombined;
    private readonly double _entries;

    /// <summary>Reads some pages.</summary>
    /// <param name="options">How.</param>
    /// <param name="trust">How much samples are believed.</param>
    /// <param name="layout">Of the pages.</param>
    /// <param name="pages">What <see cref="FrozenPages"/> made.</param>
    /// <param name="current">All samples of the current buckets.</param>
    /// <param name="previous">All samples of the previous ones.</param>
    /// <param name="previousWeight">What these count, in [0, 1].</param>
    public CellReader(
        MemoryOptions options, MemoryTrust trust, CellLayout layout, float[][] pages, in MemoryCell current, in MemoryCell previous, double previousWeight)
    {
        _options = options;
        _trust = trust;
        _layout = layout;
        _pages = pages;
        _previousWeight = previousWeight;
        _entries = current.Count + previousWeight * previous.Count;
        // What unrelated samples leave in a cell.
        _background = _entries / options.Shape.CellsPerArray;
        _backgroundCombined = (FrozenPages.Combined(current, options.Gamma) + previousWeight * FrozenPages.Combined(previous, options.Gamma)) / options.Shape.CellsPerArray;
    }

    /// <summary>Refuses codes that are too many, too few or out of range. Reading then needs no checks.</summary>
    public static void CheckCodes(ReadOnlySpan<ushort> codes, long expected, MemoryShape shape)
    {
        if (codes.Length != expected)
            throw new ArgumentException($"{codes.Length} codes, {expected} are needed.", nameof(codes));
        var i = 0;
        uint all = 0;
        if (codes.Length >= Vector512<ushort>.Count)
        {
            var many = Vector512<ushort>.Zero;
            for (; i + Vector512<ushort>.Count <= codes.Length; i += Vector512<ushort>.Count)
                many |= Vector512.Create(codes.Slice(i, Vector512<ushort>.Count));
            for (var lane = 0; lane < Vector512<ushort>.Count; lane++)
                all |= many[lane];
        }
        for (; i < codes.Length; i++)
            all |= codes[i];
        if (all >> shape.Bits != 0)
            throw new ArgumentException($"A code has more than {shape.Bits} bits.", nameof(codes));
    }

    /// <summary>Corrects; what it takes and writes is at <see cref="FrozenMemory"/>. Codes are checked.</summary>
    /// <param name="codes">Shape [K, R]; or [K] where there are actions to salt it with.</param>
    /// <param name="actions">Length R, or empty.</param>
    /// <param name="predictions">Length R.</param>
    /// <param name="corrected">Length R, written.</param>
    /// <param name="evidence">Length R, written; or empty.</param>
    public void Read(ReadOnlySpan<ushort> codes, ReadOnlySpan<ActionKey> actions, ReadOnlySpan<float> predictions, Span<float> corrected, Span<float> evidence)
    {
        var count = predictions.Length;
        if (corrected.Length != count)
            throw new ArgumentException($"Room for {corrected.Length} corrections, {count} are made.", nameof(corrected));
        if (!evidence.IsEmpty && evidence.Length != count)
            throw new ArgumentException($"Room for the evidence of {evidence.Length}, there are {count}.", nameof(evidence));
        var arrays = _options.Shape.Arrays;
        Span<ushort> salted = stackalloc ushort[actions.IsEmpty ? 0 : arrays * Chunk];
        Span<Vector128<float>> sums = stackalloc Vector128<float>[Chunk];
        Span<float> densities = stackalloc float[2 * arrays];
        for (var first = 0; first < count; first += Chunk)
        {
            var rows = Math.Min(Chunk, count - first);
            var stride = actions.IsEmpty ? count : Chunk;
            var from = actions.IsEmpty ? codes[first..] : salted;
            if (!actions.IsEmpty)
                ActionSalt.ApplyAll(_options.Shape, codes, actions.Slice(first, rows), salted);
            Gather(from, stride, sums[..rows]);
            for (var i = 0; i < rows; i++)
            {
                var (samples, local) = Near(sums[i], from[i..], stride, densities);
                if (!evidence.IsEmpty)
                    evidence[first + i] = (float)samples;
                corrected[first + i] = Correct(predictions[first + i], samples, local);
            }
        }
    }

    /// <summary>What is nearby one row; the codes are checked.</summary>
    public (float Evidence, float Local) Look(ReadOnlySpan<ushort> codes)
    {
        Span<Vector128<float>> sum = stackalloc Vector128<float>[1];
        Gather(codes, 1, sum);
        var (samples, local) = Near(sum[0], codes, 1, stackalloc float[2 * codes.Length]);
        return ((float)samples, (float)Math.Clamp(local, _options.Gamma - 1, 1));
    }

    /// <summary>Samples nearby, and ȳ − (1 − γ)·b̄ of them.</summary>
    private (double Samples, double Local) Near(Vector128<float> sums, ReadOnlySpan<ushort> codes, int stride, Span<float> scratch)
    {
        var arrays = _options.Shape.Arrays;
        // The kernel sum of the row over all arrays, less the background.
        var samples = Math.Max(Weighted(sums[0], sums[2]) / arrays - _background, 0);
        if (samples <= 0)
            return (0, 0);
        return (samples, _options.Readout == MemoryReadout.Ratio
            ? (Weighted(sums[1], sums[3]) / arrays - _backgroundCombined) / samples
            : Attend(codes, stride, scratch));
    }

    private double Weighted(float current, float previous) => current + _previousWeight * previous;

    /// <summary>ŷ + λ·trust(m) · (ȳ − (1 − γ)·b̄ − γ·ŷ), kept where it was or within [0, 1].</summary>
    /// <param name="prediction">ŷ.</param>
    /// <param name="samples">m, at least 0.</param>
    /// <param name="local">ȳ − (1 − γ)·b̄; the noise of the background may have left it outside its range.</param>
    private float Correct(float prediction, double samples, double local)
    {
        if (!(samples > 0) || _options.Lambda == 0 || !float.IsFinite(prediction))
            return prediction;
        var error = Math.Clamp(local, _options.Gamma - 1, 1) - _options.Gamma * prediction;
        var corrected = prediction + _options.Lambda * _trust.Of((float)samples) * error;
        return (float)Math.Clamp(corrected, Math.Min(0, prediction), Math.Max(1, prediction));
    }

    /// <summary>Σ over arrays of (n, S) of both buckets, for each row, array after array.</summary>
    /// <param name="codes">The code of row r in array k at k·<paramref name="stride"/> + r, all within range.</param>
    /// <param name="stride">At least the number of rows.</param>
    /// <param name="sums">Written, one for each row.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private void Gather(ReadOnlySpan<ushort> codes, int stride, Span<Vector128<float>> sums)
    {
        int arrays = _options.Shape.Arrays, bits = _layout.PageBits, more = _layout.PagesPerArrayBits, mask = _layout.PageCells - 1;
        ref var pages = ref MemoryMarshal.GetArrayDataReference(_pages);
        ref var first = ref MemoryMarshal.GetReference(codes);
        var row = 0;
        // Four rows at a time: their loads wait for memory together.
        for (; row + 4 <= sums.Length; row += 4)
        {
            Vector128<float> a = default, b = default, c = default, d = default;
            ref var code = ref Unsafe.Add(ref first, row);
            for (var k = 0; k < arrays; k++)
            {
                ref var page = ref Unsafe.Add(ref pages, k << more);
                a += Cell(ref page, code, bits, mask);
                b += Cell(ref page, Unsafe.Add(ref code, 1), bits, mask);
                c += Cell(ref page, Unsafe.Add(ref code, 2), bits, mask);
                d += Cell(ref page, Unsafe.Add(ref code, 3), bits, mask);
                code = ref Unsafe.Add(ref code, stride);
            }
            (sums[row], sums[row + 1], sums[row + 2], sums[row + 3]) = (a, b, c, d);
        }
        for (; row < sums.Length; row++)
        {
            Vector128<float> a = default;
            ref var code = ref Unsafe.Add(ref first, row);
            for (var k = 0; k < arrays; k++)
            {
                a += Cell(ref Unsafe.Add(ref pages, k << more), code, bits, mask);
                code = ref Unsafe.Add(ref code, stride);
            }
            sums[row] = a;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Cell(ref float[] page, int code, int bits, int mask) =>
        Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(Unsafe.Add(ref page, code >> bits)), (nuint)((code & mask) * FrozenPages.Numbers));

    /// <summary>Means of cells under a softmax over the arrays of density n/N, both less the background; arrays with nothing above it are left out.</summary>
    /// <param name="codes">The code in array k at k·<paramref name="stride"/>.</param>
    /// <param name="stride">From array to array.</param>
    /// <param name="scratch">Length 2K.</param>
    /// <returns>ȳ − (1 − γ)·b̄; 0 where every array is left out, which does not happen where the sum over arrays is above the background.</returns>
    private double Attend(ReadOnlySpan<ushort> codes, int stride, Span<float> scratch)
    {
        int arrays = _options.Shape.Arrays;
        var densities = scratch[..arrays];
        var means = scratch.Slice(arrays, arrays);
        var densest = 0f;
        for (var k = 0; k < arrays; k++)
        {
            var code = codes[k * stride];
            var cell = Cell(ref _pages[k << _layout.PagesPerArrayBits], code, _layout.PageBits, _layout.PageCells - 1);
            var samples = Weighted(cell[0], cell[2]) - _background;
            densities[k] = samples > 0 ? (float)(samples / _entries) : 0;
            means[k] = samples > 0 ? (float)Math.Clamp((Weighted(cell[1], cell[3]) - _backgroundCombined) / samples, _options.Gamma - 1, 1) : 0;
            densest = Math.Max(densest, densities[k]);
        }
        var (sum, weights) = (0d, 0d);
        for (var k = 0; k < arrays; k++)
        {
            var weight = densities[k] > 0 ? Math.Exp((densities[k] - densest) / _options.Temperature) : 0;
            weights += weight;
            sum += weight * means[k];
        }
        return weights > 0 ? sum / weights : 0;
    }
}
