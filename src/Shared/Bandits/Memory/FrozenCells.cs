namespace Recsys.Bandits.Memory;

/// <summary>The cells of one bucket of time of one partition, in pages of which a changed copy shares those that are the same. Immutable.</summary>
/// <param name="totals">Sums over all samples.</param>
/// <param name="pages">Null where all cells of a page are empty.</param>
internal sealed class FrozenCells(MemoryCell totals, MemoryCell[]?[] pages)
{
    /// <summary>Sums over all samples.</summary>
    public MemoryCell Totals => totals;

    /// <summary>A page, or null where all its cells are empty.</summary>
    public MemoryCell[]? Page(int page) => pages[page];

    /// <summary>No samples.</summary>
    public static FrozenCells Empty(CellLayout layout) => new(default, new MemoryCell[layout.Pages][]);

    /// <summary>A copy in which the listed cells hold what the list says. O(pages + what is listed + the pages that it is in).</summary>
    /// <exception cref="Snapshots.SnapshotFormatException">With these, not all arrays add up to the same samples.</exception>
    public FrozenCells With(CellLayout layout, CellList list)
    {
        if (list.Indices.Length == 0 && list.Totals == totals)
            return this;
        var next = (MemoryCell[]?[])pages.Clone();
        var added = new MemoryCell[layout.Shape.Arrays];
        for (var i = 0; i < list.Indices.Length; i++)
        {
            var index = list.Indices[i];
            var page = layout.PageOf(index);
            // Indices ascend, so a page that is not the old one any more is our own.
            if (next[page] is not { } own)
                next[page] = own = new MemoryCell[layout.PageCells];
            else if (ReferenceEquals(own, pages[page]))
                next[page] = own = (MemoryCell[])own.Clone();
            ref var cell = ref own[layout.Within(index)];
            added[index >> layout.Shape.Bits] += list.Cells[i] - cell;
            cell = list.Cells[i];
        }
        SumCheck.Arrays(added, list.Totals - totals);
        return new FrozenCells(list.Totals, next);
    }
}
