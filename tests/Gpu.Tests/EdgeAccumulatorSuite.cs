using CsCheck;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Gpu.Tests;

/// <summary>What every table of edge sums owes to its trainer, wherever it is kept. Counts are primes, so that no kernel gets away with round numbers.</summary>
public abstract class EdgeAccumulatorSuite
{
    private const int Edges = 97;

    private static readonly Gen<EdgeDelta> Delta = Gen.Select(
        // Half of all deltas meet on three edges: contention is what atomics are for.
        Gen.OneOf(Gen.Int[0, 2], Gen.Int[0, Edges - 1]), Gen.Float[0.001f, 1], Gen.Double[0, 1], Gen.Double[-8, 8], Gen.Double[1, 256],
        static (edge, weight, reward, affinity, growth) => new EdgeDelta(edge, EdgeSums.Of(weight, reward, affinity, growth)));

    /// <summary>How often a property is tried; the emulator is slow.</summary>
    protected abstract int Cases { get; }

    /// <summary>An empty table.</summary>
    protected abstract IEdgeAccumulator Create();

    [Fact]
    public void Sums_are_those_of_the_naive_twin_for_any_split_and_order() =>
        Gen.Select(Delta.Array[0, 700], Gen.Int[1, 300], Gen.Int).Sample(
            (deltas, cut, seed) =>
            {
                var naive = new NaiveEdges();
                naive.Add(deltas);
                var shuffled = deltas.ToArray();
                new Random(seed).Shuffle(shuffled);
                using var whole = new Owned(Create());
                using var cuts = new Owned(Create());
                whole.Table.EnsureCapacity(Edges);
                cuts.Table.EnsureCapacity(Edges);
                whole.Table.Add(deltas);
                foreach (var piece in shuffled.Chunk(cut))
                    cuts.Table.Add(piece);
                Assert.Equal(naive.Read(Edges), Read(whole.Table, Edges));
                Assert.Equal(naive.Read(Edges), Read(cuts.Table, Edges));
            },
            iter: Cases, seed: "0N0XIzNsQ0O2", threads: 1);

    [Fact]
    public void Any_sequence_of_calls_agrees_with_the_cpu()
    {
        var add = Gen.Select(Delta.Array[0, 60], static d => (Action<IEdgeAccumulator>)(t => t.Add(d)));
        var grow = Gen.Select(Gen.Int[1, 5000], static n => (Action<IEdgeAccumulator>)(t => t.EnsureCapacity(n)));
        var replace = Gen.Select(Delta.Array[0, Edges], static d => (Action<IEdgeAccumulator>)(t => t.Replace([.. d.Select(static x => x.Sums)])));
        Gen.OneOf(add, add, grow, replace).Array[1, 25].Sample(
            calls =>
            {
                using var table = new Owned(Create());
                var cpu = new CpuEdgeAccumulator();
                foreach (var t in (IEdgeAccumulator[])[table.Table, cpu])
                {
                    t.EnsureCapacity(Edges);
                    foreach (var call in calls)
                        call(t);
                }
                Assert.Equal(Read(cpu, Edges), Read(table.Table, Edges));
            },
            iter: Cases, seed: "0N0XIzNsQ0O3", threads: 1);
    }

    [Fact]
    public void One_edge_may_take_a_whole_batch_and_a_batch_may_exceed_the_staging_buffer()
    {
        using var owned = new Owned(Create());
        owned.Table.EnsureCapacity(1);
        var delta = new EdgeDelta(0, EdgeSums.Of(0.3f, 0.7, -0.9));
        owned.Table.Add([.. Enumerable.Repeat(delta, 10_007)]);
        Assert.Equal(
            new EdgeSums(10_007, 10_007 * delta.Sums.Precision, 10_007 * delta.Sums.Reward, 10_007 * delta.Sums.Weight, 10_007 * delta.Sums.Affinity), Read(owned.Table, 1)[0]);
    }

    [Fact]
    public void Sums_wider_than_32_bits_carry_and_the_last_edge_is_the_last()
    {
        using var owned = new Owned(Create());
        owned.Table.EnsureCapacity(1009);
        var big = new EdgeSums(EdgeSums.CountMax - 1, (1L << 62) - 3, uint.MaxValue, -1, -(1L << 32));
        owned.Table.Add([new(1008, big), new(1008, new EdgeSums(1, 3, 1, 1, 1))]);
        var sums = Read(owned.Table, 1009);
        Assert.Equal(new EdgeSums(EdgeSums.CountMax, 1L << 62, 1L << 32, 0, 1 - (1L << 32)), sums[1008]);
        Assert.All(sums[..1008], static s => Assert.Equal(default, s));
    }

    [Fact]
    public void Growth_keeps_sums_and_new_edges_are_zero()
    {
        using var owned = new Owned(Create());
        var naive = new NaiveEdges();
        for (var edges = 1; edges < 9000; edges = (edges * 3) + 2)
        {
            owned.Table.EnsureCapacity(edges);
            EdgeDelta[] deltas = [new(edges - 1, EdgeSums.Of(0.5f, 1)), new(edges / 2, EdgeSums.Of(0.25f, 0.5))];
            owned.Table.Add(deltas);
            naive.Add(deltas);
            owned.Table.EnsureCapacity(1);
            Assert.Equal(naive.Read(edges), Read(owned.Table, edges));
        }
    }

    [Fact]
    public void Empty_batches_and_empty_tables_are_fine()
    {
        using var owned = new Owned(Create());
        owned.Table.Add([]);
        owned.Table.Read([]);
        owned.Table.Replace([]);
        owned.Table.EnsureCapacity(3);
        owned.Table.Add([]);
        Assert.Equal(new EdgeSums[3], Read(owned.Table, 3));
    }

    [Fact]
    public void Replace_and_read_round_trip_and_forget_what_was_there()
    {
        using var owned = new Owned(Create());
        owned.Table.EnsureCapacity(11);
        owned.Table.Add([new(10, EdgeSums.Of(1, 1)), new(2, EdgeSums.Of(1, 1))]);
        EdgeSums[] sums = [new(1, 2, 3, 4, 5), new(6, 7, 8, 9, 10), new(long.MaxValue, long.MinValue, 0, -1, long.MinValue)];
        owned.Table.Replace(sums);
        Assert.Equal([.. sums, .. new EdgeSums[8]], Read(owned.Table, 11));
        var more = Enumerable.Range(0, 2003).Select(static i => new EdgeSums(i, 2 * i, 3 * i, 4 * i, -5 * i)).ToArray();
        owned.Table.Replace(more);
        Assert.Equal(more, Read(owned.Table, 2003));
    }

    [Fact]
    public void A_batch_with_an_edge_beyond_the_table_is_refused_whole()
    {
        using var owned = new Owned(Create());
        owned.Table.EnsureCapacity(5);
        owned.Table.Add([new(4, EdgeSums.Of(1, 1))]);
        var before = Read(owned.Table, 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => owned.Table.Add([new(0, EdgeSums.Of(1, 1)), new(1_000_000, EdgeSums.Of(1, 1))]));
        Assert.Throws<ArgumentOutOfRangeException>(() => owned.Table.Add([new(0, EdgeSums.Of(1, 1)), new(-1, EdgeSums.Of(1, 1))]));
        Assert.Equal(before, Read(owned.Table, 5));
    }

    private static EdgeSums[] Read(IEdgeAccumulator table, int edges)
    {
        var sums = new EdgeSums[edges];
        // What was in the buffer must not shine through.
        Array.Fill(sums, new EdgeSums(-7, -7, -7, -7, -7));
        table.Read(sums);
        return sums;
    }

    private readonly struct Owned(IEdgeAccumulator table) : IDisposable
    {
        public IEdgeAccumulator Table { get; } = table;

        public void Dispose() => (Table as IDisposable)?.Dispose();
    }
}

/// <summary>The reference.</summary>
public sealed class CpuEdgeAccumulatorTests : EdgeAccumulatorSuite
{
    protected override int Cases => 100;

    protected override IEdgeAccumulator Create() => new CpuEdgeAccumulator();
}

/// <summary>The kernel on ILGPU's CPU accelerator.</summary>
public sealed class EmulatedEdgeAccumulatorTests : EdgeAccumulatorSuite, IDisposable
{
    private readonly GpuDevice _device = EmulatedDevice.Open();

    protected override int Cases => 30;

    public void Dispose()
    {
        Assert.Equal(0, _device.MemoryUsed);
        _device.Dispose();
    }

    protected override IEdgeAccumulator Create() => new GpuEdgeAccumulator(_device);
}

/// <summary>The kernel on a device so small that tables move to the CPU in the middle of the test.</summary>
public sealed class SpillingEdgeAccumulatorTests : EdgeAccumulatorSuite, IDisposable
{
    // Two staging buffers and two smallest tables, nothing to grow into.
    private readonly GpuDevice _device = EmulatedDevice.Open(memoryMax: 2 * (196_608 + 40_960));

    protected override int Cases => 20;

    public void Dispose()
    {
        Assert.Equal(0, _device.MemoryUsed);
        _device.Dispose();
    }

    protected override IEdgeAccumulator Create() => new SpillingEdgeAccumulator(new GpuEdgeAccumulator(_device), static _ => { });
}

/// <summary>The kernel on a GPU, through everything that the learner goes through.</summary>
public sealed class DeviceEdgeAccumulatorTests : EdgeAccumulatorSuite, IDisposable
{
    private readonly ComputeBackend _backend = ComputeBackend.Open(DevicePreference.Auto, static _ => { });

    public DeviceEdgeAccumulatorTests() => Assert.SkipWhen(_backend.Kind == "cpu", $"No GPU: {_backend.Reason}.");

    protected override int Cases => 100;

    public void Dispose() => _backend.Dispose();

    protected override IEdgeAccumulator Create() => _backend.CreateEdges();
}
