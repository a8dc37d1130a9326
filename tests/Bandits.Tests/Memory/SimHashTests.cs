using Recsys.Bandits.Memory;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class SimHashTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 8, 16)]
    [InlineData(16, 64, 12)]
    [InlineData(63, 3, 7)]
    [InlineData(64, 16, 4)]
    [InlineData(65, 5, 13)]
    [InlineData(96, 64, 12)]
    [InlineData(200, 256, 14)]
    [InlineData(512, 7, 9)]
    [InlineData(1024, 64, 16)]
    [InlineData(1500, 3, 5)]
    public void Codes_are_those_of_whole_matrices_in_double_precision(int dimension, int arrays, int bits)
    {
        var (shape, random) = (new MemoryShape(arrays, bits), new Random(dimension));
        var (hash, twin) = (new SimHash(shape, dimension, 11), new NaiveHash(shape, dimension, 11));
        var mean = Memories.Gaussian(random, dimension);
        var (bitsSeen, unsure) = (0, 0);
        foreach (var rows in new[] { 1, dimension > 200 ? 3 : 17 })
        {
            var x = Memories.Gaussian(random, rows * dimension);
            var codes = new ushort[rows * arrays];
            hash.Hash(x, mean, codes);
            for (var r = 0; r < rows; r++)
            {
                var actual = Memories.Row(codes, arrays, r);
                var (expected, close) = twin.Hash(x[(r * dimension)..((r + 1) * dimension)], mean, actual);
                Assert.Equal(expected, actual.Select(static c => (int)c));
                (bitsSeen, unsure) = (bitsSeen + arrays * bits, unsure + close);
            }
        }
        Assert.InRange(unsure, 0, 1 + bitsSeen / 1000);
    }

    [Fact]
    public void A_row_has_the_same_codes_in_any_company_and_anywhere()
    {
        var (shape, random) = (new MemoryShape(20, 11), new Random(4));
        var hash = new SimHash(shape, 50, 3);
        var (x, mean) = (Memories.Gaussian(random, 1000 * 50), Memories.Gaussian(random, 50));
        var all = new ushort[1000 * 20];
        hash.Hash(x, mean, all);
        foreach (var (from, count) in new[] { (0, 1), (999, 1), (3, 15), (7, 16), (500, 17), (13, 32), (100, 33), (50, 100) })
        {
            var some = new ushort[count * 20];
            hash.Hash(x.AsSpan(from * 50, count * 50), mean, some);
            for (var r = 0; r < count; r++)
                Assert.Equal(Memories.Row(all, 20, from + r), Memories.Row(some, 20, r));
        }
    }

    /// <summary>Two bits of different vectors agree with probability 1 − θ/π, and L of them with its power.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(32)]
    [InlineData(96)]
    [InlineData(128)]
    public void Vectors_at_an_angle_share_a_code_as_often_as_the_kernel_says(int dimension)
    {
        const int Pairs = 400;
        var random = new Random(dimension);
        foreach (var bits in new[] { 1, 4, 8 })
        {
            var shape = new MemoryShape(64, bits);
            foreach (var angle in new[] { 0.1, 0.5, 1, Math.PI / 2, 2.5 })
            {
                var shared = new double[Pairs];
                for (var p = 0; p < Pairs; p++)
                {
                    // A hash of its own for every pair, so that pairs are independent whatever one hash does.
                    var hash = new SimHash(shape, dimension, (ulong)(1000 * p + bits));
                    var codes = new ushort[128];
                    hash.Hash(Pair(random, dimension, angle), [], codes);
                    for (var k = 0; k < 64; k++)
                        shared[p] += codes[2 * k] == codes[2 * k + 1] ? 1.0 / 64 : 0;
                }
                var mean = shared.Average();
                var error = Math.Sqrt(shared.Sum(s => (s - mean) * (s - mean)) / Pairs / Pairs);
                // Four standard errors, and what 64 random signs differ from Gaussian numbers.
                Assert.Equal(Math.Pow(1 - angle / Math.PI, bits), mean, 4 * error + 0.001);
            }
        }
    }

    /// <summary>Effective cells, the exponential of the entropy, beside those of Gaussian projections.</summary>
    [Fact]
    public void Codes_are_spread_as_by_Gaussian_projections()
    {
        const int Rows = 5000, D = 24;
        var (shape, random) = (new MemoryShape(16, 8), new Random(1));
        ushort[] codes = new ushort[16 * Rows], dense = new ushort[16 * Rows];
        var x = Memories.Gaussian(random, Rows * D);
        new SimHash(shape, D, 5).Hash(x, [], codes);
        for (var k = 0; k < 16; k++)
        {
            var matrix = Memories.Gaussian(random, 8 * D);
            for (var r = 0; r < Rows; r++)
            {
                for (var l = 0; l < 8; l++)
                    dense[k * Rows + r] |= (ushort)(Enumerable.Range(0, D).Sum(d => matrix[l * D + d] * x[r * D + d]) < 0 ? 1 << l : 0);
            }
        }
        // A few percent more: projections of one block are orthogonal.
        Assert.InRange(Effective(codes) / Effective(dense), 0.98, 1.15);

        static double Effective(ushort[] codes) => Enumerable.Range(0, 16).Average(k => Math.Exp(
            codes.Skip(k * Rows).Take(Rows).GroupBy(static c => c).Sum(static g => -g.Count() / (double)Rows * Math.Log(g.Count() / (double)Rows))));
    }

    [Fact]
    public void Centring_tells_vectors_of_one_orthant_apart()
    {
        var (shape, random) = (new MemoryShape(16, 10), new Random(2));
        float[] x = [.. Memories.Gaussian(random, 3000 * 32).Select(static v => Math.Max(0, v + 1))];
        var mean = Enumerable.Range(0, 32).Select(d => Enumerable.Range(0, 3000).Average(r => x[r * 32 + d])).ToArray();
        ushort[] raw = new ushort[3000 * 16], centred = new ushort[3000 * 16];
        var hash = new SimHash(shape, 32, 9);
        hash.Hash(x, [], raw);
        hash.Hash(x, mean, centred);
        Assert.True(Heaviest(centred) < 0.35 * Heaviest(raw), $"{Heaviest(centred)} against {Heaviest(raw)}");

        static double Heaviest(ushort[] codes) =>
            Enumerable.Range(0, 16).Average(k => codes.Skip(k * 3000).Take(3000).GroupBy(static c => c).Max(static g => g.Count()));
    }

    [Fact]
    public void A_constant_representation_gives_one_code()
    {
        var hash = new SimHash(new MemoryShape(9, 12), 40, 1);
        float[] same = Enumerable.Repeat(0.7f, 40).ToArray(), zeros = new float[40], negativeZeros = Enumerable.Repeat(-0f, 40).ToArray();
        ushort[] first = new ushort[9], again = new ushort[9];
        hash.Hash(same, same, first);
        hash.Hash(zeros, [], again);
        Assert.Equal(first, again);
        hash.Hash(negativeZeros, [], again);
        Assert.Equal(first, again);
        hash.Hash(negativeZeros, zeros, again);
        Assert.Equal(first, again);
        var many = new ushort[100 * 9];
        hash.Hash([.. Enumerable.Repeat(same, 100).SelectMany(static x => x)], same, many);
        for (var r = 0; r < 100; r++)
            Assert.Equal(first, Memories.Row(many, 9, r));
    }

    [Fact]
    public void Largest_and_smallest_numbers_are_hashed()
    {
        var hash = new SimHash(new MemoryShape(64, 16), 4096, 1);
        var codes = new ushort[64];
        var random = new Random(6);
        float[] signs = [.. Enumerable.Range(0, 4096).Select(_ => random.Next(2) == 0 ? -1f : 1f)];
        var first = new ushort[64];
        hash.Hash(signs, [], first);
        Assert.True(first.Distinct().Count() > 50);
        hash.Hash([.. signs.Select(static s => s * SimHash.Most)], [], codes);
        Assert.Equal(first, codes);
        hash.Hash([.. signs.Select(static s => s * float.Epsilon)], [], codes);
        Assert.Equal(first, codes);
        // Numbers and mean together are twice as large.
        hash.Hash([.. signs.Select(static s => s * SimHash.Most)], [.. signs.Select(static s => -s * SimHash.Most)], codes);
        Assert.Equal(first, codes);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(2e24f)]
    public void Numbers_that_are_not_finite_are_refused_wherever_they_are(float bad)
    {
        var hash = new SimHash(new MemoryShape(4, 4), 37, 1);
        for (var at = 0; at < 3 * 37; at++)
        {
            var x = new float[3 * 37];
            x[at] = bad;
            var codes = Enumerable.Repeat((ushort)9999, 12).ToArray();
            Memories.Refused(() => hash.Hash(x, [], codes), "not finite");
            Memories.Refused(() => hash.Hash(new float[37], x.AsSpan(37 * (at / 37), 37), codes.AsSpan(0, 4)), "not finite");
            Assert.All(codes, static c => Assert.Equal(9999, c));
        }
    }

    [Fact]
    public void Shapes_that_disagree_are_refused()
    {
        var hash = new SimHash(new MemoryShape(4, 4), 10, 1);
        Memories.Refused(() => hash.Hash(new float[15], [], new ushort[4]), "15 numbers are no rows of 10");
        Memories.Refused(() => hash.Hash(new float[10], new float[9], new ushort[4]), "The mean has 9");
        Memories.Refused(() => hash.Hash(new float[20], [], new ushort[4]), "Room for 4 codes, 2 rows of 4");
        hash.Hash([], [], []);
        Memories.Refused(() => _ = new SimHash(new MemoryShape(4, 4), 0, 1), "dimension");
        Memories.Refused(() => _ = new SimHash(new MemoryShape(4, 4), 4097, 1), "dimension");
        foreach (var (arrays, bits) in new[] { (0, 4), (257, 4), (4, 0), (4, 17), (65, 16), (-1, -1) })
            Assert.ThrowsAny<ArgumentException>(() => new SimHash(new MemoryShape(arrays, bits), 10, 1).Dimension);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var hash = new SimHash(new MemoryShape(64, 12), 96, 1);
        float[] x = Memories.Gaussian(new Random(1), 1000 * 96), mean = new float[96];
        ushort[] codes = new ushort[64_000];
        Assert.Equal(0, Allocation.Least(() => hash.Hash(x, mean, codes)));
        Assert.Equal(0, Allocation.Least(() => hash.Hash(x.AsSpan(0, 96), mean, codes.AsSpan(0, 64))));
    }

    private static float[] Pair(Random random, int dimension, double angle)
    {
        double[] u = [.. Memories.Gaussian(random, dimension).Select(static v => (double)v)], v = [.. Memories.Gaussian(random, dimension).Select(static v => (double)v)];
        var along = u.Zip(v, static (a, b) => a * b).Sum() / u.Sum(static a => a * a);
        v = [.. v.Zip(u, (b, a) => b - along * a)];
        double lengthU = Math.Sqrt(u.Sum(static a => a * a)), lengthV = Math.Sqrt(v.Sum(static a => a * a));
        return [.. u.Select(a => (float)(a / lengthU)), .. u.Zip(v, (a, b) => (float)(3 * (Math.Cos(angle) * a / lengthU + Math.Sin(angle) * b / lengthV)))];
    }
}
