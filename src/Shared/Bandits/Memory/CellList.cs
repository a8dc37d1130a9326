using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>Some cells of one bucket of time, with what they hold now, and what all samples of the bucket add up to.</summary>
/// <param name="Totals">Sums over all samples.</param>
/// <param name="Indices">Numbers of the cells, k·2^L + code, ascending.</param>
/// <param name="Cells">What they hold, none of it empty.</param>
internal sealed record CellList(MemoryCell Totals, int[] Indices, MemoryCell[] Cells)
{
    /// <summary>Nothing.</summary>
    public static CellList Empty { get; } = new(default, [], []);

    /// <summary>Writes what <see cref="Read"/> reads: seven to nine bytes a cell that has seen one sample, instead of 28.</summary>
    public void Write(StateWriter writer)
    {
        writer.Write<MemoryCell>([Totals]);
        writer.Write(Indices.Length);
        var packed = new ArrayBufferWriter<byte>();
        var next = 0;
        for (var i = 0; i < Indices.Length; i++)
        {
            PackedNumbers.Write(packed, Indices[i] - next);
            PackedNumbers.Write(packed, Cells[i].Count);
            PackedNumbers.Write(packed, Cells[i].Reward);
            PackedNumbers.Write(packed, Cells[i].Prediction);
            next = Indices[i] + 1;
        }
        writer.Write(packed.WrittenSpan);
    }

    /// <summary>Reads and checks everything that can be checked without knowing the cells that are not listed.</summary>
    /// <exception cref="SnapshotFormatException">The bytes cannot be that.</exception>
    public static CellList Read(ref StateReader reader, MemoryShape shape)
    {
        var totals = reader.Array<MemoryCell>(1)[0];
        reader.Require(totals.IsPossible, "samples add up to something impossible");
        var count = (int)reader.Long(0, shape.Cells);
        var packed = reader.ArrayUpTo<byte>(4L * PackedNumbers.BytesMost * shape.Cells);
        reader.Require(packed.Length >= 4L * count, "it has fewer bytes than cells");
        var (indices, cells) = (new int[count], new MemoryCell[count]);
        var (at, index) = (0, -1L);
        for (var i = 0; i < count; i++)
        {
            var whole = PackedNumbers.TryRead(packed, ref at, out var gap) & PackedNumbers.TryRead(packed, ref at, out var samples)
                & PackedNumbers.TryRead(packed, ref at, out var reward) & PackedNumbers.TryRead(packed, ref at, out var prediction);
            reader.Require(whole && gap < shape.Cells - index - 1, $"it ends early or has too many cells after {index}");
            index += gap + 1;
            (indices[i], cells[i]) = ((int)index, new MemoryCell(samples, reward, prediction));
            reader.Require(cells[i].IsPossible && samples > 0 && samples <= totals.Count, $"cell {index} holds something impossible");
        }
        reader.Require(at == packed.Length, "bytes follow its last cell");
        return new CellList(totals, indices, cells);
    }
}
