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

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public void Write(StateWriter writer)
    {
        writer.Write<MemoryCell>([Totals]);
        writer.Write<int>(Indices);
        writer.Write<MemoryCell>(Cells);
    }

    /// <summary>Reads and checks everything that can be checked without knowing the cells that are not listed.</summary>
    /// <exception cref="SnapshotFormatException">The bytes cannot be that.</exception>
    public static CellList Read(ref StateReader reader, MemoryShape shape)
    {
        var totals = reader.Array<MemoryCell>(1)[0];
        reader.Require(totals.IsPossible, "samples add up to something impossible");
        var indices = reader.ArrayUpTo<int>(shape.Cells);
        var cells = reader.Array<MemoryCell>(indices.Length);
        var last = -1;
        foreach (var index in indices)
        {
            reader.Require(index > last && index < shape.Cells, $"cell {index} follows cell {last}");
            last = index;
        }
        foreach (var cell in cells)
            reader.Require(cell.IsPossible && cell.Count > 0 && cell.Count <= totals.Count, "a cell holds something impossible");
        return new CellList(totals, indices, cells);
    }
}
