using System.Buffers;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>What several tests do with memories.</summary>
internal static class Memories
{
    public static byte[] Whole(ErrorMemory memory)
    {
        var output = new ArrayBufferWriter<byte>();
        memory.Write(output);
        return output.WrittenSpan.ToArray();
    }

    public static byte[]? Delta(ErrorMemory memory)
    {
        var output = new ArrayBufferWriter<byte>();
        var written = memory.TryWriteDelta(output);
        Assert.Equal(written, output.WrittenCount > 0);
        return written ? output.WrittenSpan.ToArray() : null;
    }

    public static MemoryShard Shard(int partition, ErrorMemory memory) => new(partition, MemoryChange.Read(Whole(memory), memory.Shape));

    public static FrozenMemory Freeze(MemoryOptions options, params ErrorMemory[] partitions) =>
        FrozenMemory.Empty(options).With([.. partitions.Select(static (memory, p) => Shard(p, memory))]);

    public static ushort[] Codes(Random random, MemoryShape shape, int rows = 1, int distinct = int.MaxValue) =>
        [.. Enumerable.Range(0, rows * shape.Arrays).Select(_ => (ushort)random.Next(Math.Min(distinct, shape.CellsPerArray)))];

    public static float[] Gaussian(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    /// <summary>The codes of one of R rows.</summary>
    public static ushort[] Row(ReadOnlySpan<ushort> codes, int arrays, int row)
    {
        var some = new ushort[arrays];
        for (var k = 0; k < arrays; k++)
            some[k] = codes[k * (codes.Length / arrays) + row];
        return some;
    }

    public static (float[] Corrected, float[] Evidence) Read(FrozenMemory memory, ushort[] codes, float[] predictions)
    {
        float[] corrected = new float[predictions.Length], evidence = new float[predictions.Length];
        memory.Read(codes, predictions, corrected, evidence);
        return (corrected, evidence);
    }

    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"At {i}: {actual[i]:R}, expected {expected[i]:R}.");
        }
    }

    public static void Refused(Action call, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);

    public static void Damaged(Action call, string message) =>
        Assert.Contains(message, Assert.Throws<SnapshotFormatException>(call).Message, StringComparison.Ordinal);
}
