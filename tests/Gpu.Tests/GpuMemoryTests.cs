using System.Runtime.CompilerServices;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Gpu.Kernels;
using Xunit;

namespace Recsys.Gpu.Tests;

public sealed class GpuMemoryTests
{
    private const long Staging = 4096 * 6 * 8;

    [Fact]
    public void A_table_that_does_not_fit_is_refused_with_numbers_and_stays_as_it_was()
    {
        using var device = EmulatedDevice.Open(memoryMax: Staging + (2000 * 40));
        using var table = new GpuEdgeAccumulator(device);
        table.EnsureCapacity(900);
        table.Add([new(7, EdgeSums.Of(0.5f, 1))]);
        var problem = Assert.Throws<DeviceMemoryException>(() => table.EnsureCapacity(3000));
        Assert.Contains($"has {device.MemoryMax} bytes", problem.Message, StringComparison.Ordinal);
        Assert.Contains("edgesMax", problem.Message, StringComparison.Ordinal);
        Assert.Throws<DeviceMemoryException>(() => table.Replace(new EdgeSums[3000]));
        var sums = new EdgeSums[900];
        table.Read(sums);
        Assert.Equal(EdgeSums.Of(0.5f, 1), sums[7]);
        table.Add([new(7, EdgeSums.Of(0.5f, 1))]);
    }

    [Fact]
    public void Grows_by_what_is_needed_where_twice_as_much_does_not_fit()
    {
        // Old and new table are held side by side while growing: 1024 + 1500 fit, 1024 + 2048 do not.
        using var device = EmulatedDevice.Open(memoryMax: Staging + (2600 * 40));
        using var table = new GpuEdgeAccumulator(device);
        table.EnsureCapacity(1);
        Assert.Equal(1024, table.Capacity);
        table.EnsureCapacity(1500);
        Assert.Equal(1500, table.Capacity);
        Assert.Equal(Staging + (1500 * 40), device.MemoryUsed);
    }

    [Fact]
    public void Growing_one_by_one_copies_a_table_seldom()
    {
        using var device = EmulatedDevice.Open();
        using var table = new GpuEdgeAccumulator(device);
        var capacities = new HashSet<int>();
        for (var edges = 1; edges <= 5000; edges++)
        {
            table.EnsureCapacity(edges);
            capacities.Add(table.Capacity);
        }
        Assert.Equal([1024, 2048, 4096, 8192], capacities.Order());
    }

    [Fact]
    public void Everything_is_given_back_and_a_disposed_table_is_refused()
    {
        using var device = EmulatedDevice.Open();
        var table = new GpuEdgeAccumulator(device);
        table.EnsureCapacity(5000);
        table.Add([new(4999, EdgeSums.Of(1, 1))]);
        Assert.NotEqual(0, device.MemoryUsed);
        table.Dispose();
        table.Dispose();
        Assert.Equal(0, device.MemoryUsed);
        Assert.Throws<ObjectDisposedException>(() => table.Add([new(0, EdgeSums.Of(1, 1))]));
    }

    [Fact]
    public void A_table_that_outgrows_the_device_moves_once_says_so_and_frees_it()
    {
        using var device = EmulatedDevice.Open(memoryMax: Staging + (2000 * 40));
        var said = new List<string>();
        using var table = new SpillingEdgeAccumulator(new GpuEdgeAccumulator(device), said.Add);
        table.EnsureCapacity(900);
        table.Add([new(7, EdgeSums.Of(0.5f, 1))]);
        Assert.False(table.IsSpilled);
        table.EnsureCapacity(3000);
        table.EnsureCapacity(300_000);
        Assert.True(table.IsSpilled);
        Assert.Contains("do not fit", Assert.Single(said), StringComparison.Ordinal);
        Assert.Equal(0, device.MemoryUsed);
        var sums = new EdgeSums[3000];
        table.Read(sums);
        Assert.Equal(EdgeSums.Of(0.5f, 1), sums[7]);
    }

    [Fact]
    public void A_full_or_failed_device_gets_no_more_tables_and_trainers_go_on_without()
    {
        var said = new List<string>();
        var device = EmulatedDevice.Open(memoryMax: Staging + (1024 * 40));
        using (var backend = new ComputeBackend(device, said.Add))
        {
            using var first = Assert.IsType<SpillingEdgeAccumulator>(backend.CreateEdges());
            first.EnsureCapacity(1024);
            Assert.IsType<CpuEdgeAccumulator>(backend.CreateEdges());
            Assert.Contains("do not fit", Assert.Single(said), StringComparison.Ordinal);
            first.Dispose();
            device.MarkLost();
            Assert.IsType<CpuEdgeAccumulator>(backend.CreateEdges());
            Assert.Contains("has failed before", said[1], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Tables_of_one_device_may_be_used_from_several_threads()
    {
        using var device = EmulatedDevice.Open();
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, worker =>
        {
            using var table = new GpuEdgeAccumulator(device);
            for (var round = 0; round < 20; round++)
            {
                table.EnsureCapacity(500 * (round + 1));
                table.Add([new(round, EdgeSums.Of(1, 1)), new(worker, EdgeSums.Of(0.5f, 0))]);
            }
            var sums = new EdgeSums[20];
            table.Read(sums);
            Assert.Equal(21 + 19, sums.Sum(static s => s.Count));
            Assert.Equal(21, sums[worker].Count);
        });
        Assert.Equal(0, device.MemoryUsed);
    }

    [Fact]
    public void Sums_lie_in_memory_as_the_kernel_reads_them()
    {
        Assert.Equal(EdgeScatter.SumFields * sizeof(long), Unsafe.SizeOf<EdgeSums>());
        var sums = new EdgeSums(1, 2, 3, 4, 5);
        Assert.Equal([1, 2, 3, 4, 5], System.Runtime.InteropServices.MemoryMarshal.Cast<EdgeSums, long>(new[] { sums }).ToArray());
        var staged = new long[12];
        EdgeScatter.Stage([new(9, sums), new(8, sums)], staged);
        Assert.Equal([9, 1, 2, 3, 4, 5, 8, 1, 2, 3, 4, 5], staged);
    }
}
