using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>Every sample is in one cell of every array, so all arrays add up to the same: what damaged bytes hardly do.</summary>
internal static class SumCheck
{
    /// <summary>Checks a list that holds all cells.</summary>
    /// <exception cref="SnapshotFormatException">An array adds up to something else than the samples.</exception>
    public static void Whole(MemoryShape shape, CellList list)
    {
        var sums = new MemoryCell[shape.Arrays];
        for (var i = 0; i < list.Indices.Length; i++)
            sums[list.Indices[i] >> shape.Bits] += list.Cells[i];
        Arrays(sums, list.Totals);
    }

    /// <summary>Checks what has been added to each array against what has been added to the totals.</summary>
    /// <exception cref="SnapshotFormatException">They differ.</exception>
    public static void Arrays(ReadOnlySpan<MemoryCell> sums, MemoryCell totals)
    {
        for (var k = 0; k < sums.Length; k++)
        {
            if (sums[k] != totals)
                throw new SnapshotFormatException($"Error memory is damaged: array {k} adds up to {sums[k]}, its samples to {totals}.");
        }
    }
}
