using System.Numerics;
using Recsys.Bandits.Memory;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>The twin of <see cref="SimHash"/>: three rounds as products with the whole Hadamard matrix, in double precision, one vector at a time.</summary>
internal sealed class NaiveHash
{
    private readonly MemoryShape _shape;
    private readonly int _padded;
    private readonly double[][] _rounds;

    public NaiveHash(MemoryShape shape, int dimension, ulong seed)
    {
        _shape = shape;
        _padded = 64;
        while (_padded < dimension)
            _padded *= 2;
        var blocks = (shape.Arrays * shape.Bits + _padded - 1) / _padded;
        _rounds = [.. Enumerable.Range(0, 2 + blocks).Select(_ => Enumerable.Range(0, _padded).Select(_ => Sign(ref seed)).ToArray())];
    }

    /// <summary>The codes, and of how many bits the sign lies within the rounding of single precision.</summary>
    public (int[] Codes, int Unsure) Hash(float[] row, float[] mean, ReadOnlySpan<ushort> actual)
    {
        var x = new double[_padded];
        for (var i = 0; i < row.Length; i++)
            x[i] = row[i] - (double)mean[i];
        // Every stage of a transform rounds once, relative to the length of the whole vector, which it multiplies by √2.
        var length = Math.Sqrt(x.Sum(static v => v * v));
        var rounding = (3 * Math.Log2(_padded) + 1) * Math.ScaleB(1, -24) * length * Math.Pow(_padded, 1.5);
        var spread = Round(Round(x, _rounds[0]), _rounds[1]);
        var results = _rounds.Skip(2).SelectMany(signs => Round(spread, signs)).ToArray();
        var codes = new int[_shape.Arrays];
        var unsure = 0;
        for (var b = 0; b < _shape.Arrays * _shape.Bits; b++)
        {
            var (k, l) = (b % _shape.Arrays, b / _shape.Arrays);
            var sure = Math.Abs(results[b]) > rounding;
            unsure += sure ? 0 : 1;
            codes[k] |= sure ? (results[b] < 0 ? 1 << l : 0) : actual[k] & (1 << l);
        }
        return (codes, unsure);
    }

    private double[] Round(double[] x, double[] signs)
    {
        var y = new double[_padded];
        for (var i = 0; i < _padded; i++)
        {
            for (var j = 0; j < _padded; j++)
                y[i] += (BitOperations.PopCount((uint)(i & j)) % 2 == 0 ? 1 : -1) * signs[j] * x[j];
        }
        return y;
    }

    /// <summary>The highest bit of the next number of SplitMix64.</summary>
    private static double Sign(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) & 0x8000_0000_0000_0000) == 0 ? 1 : -1;
    }
}
