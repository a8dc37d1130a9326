using System.Numerics.Tensors;
using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Numerics;

namespace Recsys.Benchmarks;

/// <summary>
/// A layer of 96 units with a minibatch of 32, forward and its gradient: the kernel, beside three plain loops and beside one vectorised sum
/// of scaled rows per element of A. <c>DOTNET_EnableAVX512=0</c> shows the same on a machine with half the vector width.
/// </summary>
public class DenseProductBenchmarks
{
    private const int Batch = 32;
    private const int Hidden = 96;
    private float[] _a = [], _b = [], _c = [];
    private int _rows, _inner, _rowStride, _innerStride;

    [Params(64, 784)]
    public int Inputs { get; set; }

    [Params("forward", "gradient")]
    public string Pass { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(3);
        (_rows, _inner) = Pass == "forward" ? (Batch, Inputs) : (Inputs, Batch);
        (_rowStride, _innerStride) = Pass == "forward" ? (Inputs, 1) : (1, Inputs);
        _a = Numbers.From(random, _rows * _inner);
        _b = Numbers.From(random, _inner * Hidden);
        _c = new float[_rows * Hidden];
        Kernel();
        var kernel = _c;
        _c = new float[kernel.Length];
        Loops();
        if (kernel.Zip(_c).Any(static both => Math.Abs(both.First - both.Second) > 1e-3))
            throw new InvalidOperationException("The loops disagree with the kernel.");
    }

    [Benchmark(Baseline = true)]
    public void Kernel() => DenseKernels.MultiplyAdd(_a, _rowStride, _innerStride, _rows, _inner, _b, Hidden, _c);

    [Benchmark]
    public void ScaledRows()
    {
        for (var r = 0; r < _rows; r++)
        {
            var sums = _c.AsSpan(r * Hidden, Hidden);
            for (var k = 0; k < _inner; k++)
                TensorPrimitives.MultiplyAdd(_b.AsSpan(k * Hidden, Hidden), _a[r * _rowStride + k * _innerStride], sums, sums);
        }
    }

    [Benchmark]
    public void Loops()
    {
        float[] b = _b, c = _c;
        for (var r = 0; r < _rows; r++)
        {
            for (var k = 0; k < _inner; k++)
            {
                var scale = _a[r * _rowStride + k * _innerStride];
                for (var j = 0; j < Hidden; j++)
                    c[r * Hidden + j] += scale * b[k * Hidden + j];
            }
        }
    }
}

/// <summary>The heads of 100 candidates with the 96 hidden values of a context, contiguous and gathered, beside single inner products and
/// plain loops.</summary>
public class DenseHeadBenchmarks
{
    private const int Heads = 100;
    private const int Hidden = 96;
    private readonly float[] _heads = Numbers.From(new Random(4), Heads * Hidden), _hidden = Numbers.From(new Random(5), Hidden);
    private readonly float[] _result = new float[Heads];
    private readonly int[] _rows = [.. Enumerable.Range(0, Heads).Select(static i => i * 37 % Heads)];

    [Benchmark(Baseline = true)]
    public void Kernel() => DenseKernels.Dots(_heads, Heads, Hidden, _hidden, _result);

    [Benchmark]
    public void Gathered() => DenseKernels.Dots(_heads, _rows, Hidden, _hidden, _result);

    [Benchmark]
    public void SingleDots()
    {
        for (var r = 0; r < Heads; r++)
            _result[r] = TensorPrimitives.Dot(_heads.AsSpan(r * Hidden, Hidden), _hidden);
    }

    [Benchmark]
    public void Loops()
    {
        float[] heads = _heads, hidden = _hidden;
        for (var r = 0; r < Heads; r++)
        {
            var sum = 0f;
            for (var j = 0; j < Hidden; j++)
                sum += heads[r * Hidden + j] * hidden[j];
            _result[r] = sum;
        }
    }
}

file static class Numbers
{
    public static float[] From(Random random, int count)
    {
        var numbers = new float[count];
        for (var i = 0; i < count; i++)
            numbers[i] = random.NextSingle() - 0.5f;
        return numbers;
    }
}
