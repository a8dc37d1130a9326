using System.Buffers;
using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Numerics;

namespace Recsys.Benchmarks;

/// <summary>
/// Correcting the predictions of 100 candidates, K = 64, L = 12: each with a vector of 96 numbers of its own, or all with one, salted by what they are. Beside it the same in
/// plain loops: dense Gaussian projections and an array of (n, Sy, Sb). Vectors and actions are others at every call, so that cells are not where they were just read.
/// </summary>
public class MemoryBenchmarks
{
    private const int Candidates = 100, Dimension = 96, Arrays = 64, Bits = 12, Sets = 64;
    private static readonly MemoryShape Shape = new(Arrays, Bits);
    private readonly SimHash _hash = new(Shape, Dimension, 1);
    private readonly float[] _mean = new float[Dimension], _corrected = new float[Candidates], _evidence = new float[Candidates];
    private readonly ushort[] _codes = new ushort[Candidates * Arrays], _row = new ushort[Arrays];
    private readonly float[] _projections = new float[Dimension * Arrays * Bits], _products = new float[Candidates * Arrays * Bits];
    private readonly float[] _cells = new float[(Arrays << Bits) * 3];
    private float[] _predictions = [];
    private float[][] _vectors = [];
    private ushort[][] _hashed = [];
    private ActionKey[][] _actions = [];
    private FrozenMemory _memory = null!, _attention = null!;
    private int _call;

    /// <summary>Samples that are stored; the cost of reading should not depend on it.</summary>
    [Params(1_000, 1_000_000)]
    public int Stored { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        _predictions = [.. Numbers(Candidates).Select(static x => x + 0.5f)];
        _vectors = [.. Enumerable.Range(0, Sets).Select(_ => Numbers(Candidates * Dimension))];
        _actions = [.. Enumerable.Range(0, Sets).Select(_ => Enumerable.Range(0, Candidates).Select(_ => new ActionKey((ulong)random.NextInt64())).ToArray())];
        Numbers(_projections.Length).CopyTo(_projections, 0);
        Numbers(_cells.Length).CopyTo(_cells, 0);
        _hashed = [.. _vectors.Select(x =>
        {
            var codes = new ushort[_codes.Length];
            _hash.Hash(x, _mean, codes);
            return codes;
        })];
        var memory = new ErrorMemory(Shape);
        for (var i = 0; i < Stored; i++)
        {
            for (var k = 0; k < Arrays; k++)
                _row[k] = (ushort)random.Next(1 << Bits);
            memory.Add(_row, random.Next(2), 0.5);
        }
        var bytes = new ArrayBufferWriter<byte>();
        memory.Write(bytes);
        var shard = new MemoryShard(0, MemoryChange.Read(bytes.WrittenSpan, Shape));
        _memory = FrozenMemory.Empty(new MemoryOptions(Shape)).With(shard);
        _attention = FrozenMemory.Empty(new MemoryOptions(Shape, Readout: MemoryReadout.Attention)).With(shard);
    }

    /// <summary>A vector for each candidate: hash and read.</summary>
    [Benchmark(Baseline = true)]
    public void SeparateRows()
    {
        _hash.Hash(_vectors[_call++ % Sets], _mean, _codes);
        _memory.Read(_codes, _predictions, _corrected, _evidence);
    }

    /// <summary>One vector for all: hash, salt and read.</summary>
    [Benchmark]
    public void SharedRow()
    {
        var call = _call++ % Sets;
        _hash.Hash(_vectors[call].AsSpan(0, Dimension), _mean, _row);
        _memory.Read(_row, _actions[call], _predictions, _corrected, _evidence);
    }

    [Benchmark]
    public void HashAlone() => _hash.Hash(_vectors[_call++ % Sets], _mean, _codes);

    [Benchmark]
    public void ReadAlone() => _memory.Read(_hashed[_call++ % Sets], _predictions, _corrected, _evidence);

    [Benchmark]
    public void ReadByAttention() => _attention.Read(_hashed[_call++ % Sets], _predictions, _corrected, _evidence);

    /// <summary>Dense projections by the tiled product of matrices, without packing their signs.</summary>
    [Benchmark]
    public void DenseProjections()
    {
        Array.Clear(_products);
        DenseKernels.MultiplyAdd(_vectors[_call++ % Sets], Dimension, 1, Candidates, Dimension, _projections, Arrays * Bits, _products);
    }

    [Benchmark]
    public void PlainSeparateRows()
    {
        PlainHash(_vectors[_call++ % Sets], Candidates);
        for (var r = 0; r < Candidates; r++)
            _corrected[r] = PlainRead(r, 0);
    }

    [Benchmark]
    public void PlainSharedRow()
    {
        var call = _call++ % Sets;
        PlainHash(_vectors[call], 1);
        for (var r = 0; r < Candidates; r++)
            _corrected[r] = PlainRead(r, _actions[call][r].Value);
    }

    [Benchmark]
    public void PlainReadAlone()
    {
        _hashed[_call++ % Sets].CopyTo(_codes, 0);
        for (var r = 0; r < Candidates; r++)
            _corrected[r] = PlainRead(r, 0);
    }

    private void PlainHash(float[] vectors, int rows)
    {
        for (var r = 0; r < rows; r++)
        {
            for (var k = 0; k < Arrays; k++)
            {
                var code = 0;
                for (var l = 0; l < Bits; l++)
                {
                    var sum = 0f;
                    for (var d = 0; d < Dimension; d++)
                        sum += _projections[(k * Bits + l) * Dimension + d] * (vectors[r * Dimension + d] - _mean[d]);
                    code = code * 2 + (sum > 0 ? 1 : 0);
                }
                _codes[k * Candidates + r] = (ushort)code;
            }
        }
    }

    private float PlainRead(int row, ulong action)
    {
        var (n, y, b) = (0f, 0f, 0f);
        for (var k = 0; k < Arrays; k++)
        {
            var code = _codes[k * Candidates + (action == 0 ? row : 0)] ^ (int)((action + (ulong)k) * 0x9E3779B97F4A7C15 >> (64 - Bits)) * (action == 0 ? 0 : 1);
            var at = ((k << Bits) + code) * 3;
            (n, y, b) = (n + _cells[at], y + _cells[at + 1], b + _cells[at + 2]);
        }
        var prediction = _predictions[row];
        return n <= 0 ? prediction : Math.Clamp(prediction + n / (n + 20 * Arrays) * (y / n - 0.5f * prediction - 0.5f * b / n), 0, 1);
    }
}
