using System.Numerics;

namespace Recsys.Bandits.Memory;

/// <summary>The cells of one bucket of time while they are added to, and which of them have changed. Owned by one thread.</summary>
internal sealed class CellTable(CellLayout layout)
{
    private readonly MemoryCell[]?[] _pages = new MemoryCell[layout.Pages][];
    private readonly ulong[] _changed = new ulong[(layout.Shape.Cells + 63) / 64];

    /// <summary>Sums over all samples; those over the cells of any array are the same.</summary>
    public MemoryCell Totals { get; private set; }

    /// <summary>Adds a sample to a cell of every array.</summary>
    public void Add(ReadOnlySpan<ushort> codes, in MemoryCell sample)
    {
        for (var k = 0; k < codes.Length; k++)
            AddTo((k << layout.Shape.Bits) | codes[k], sample);
        Totals += sample;
    }

    /// <summary>Adds all that another table of the same layout has.</summary>
    public void Add(CellTable other)
    {
        for (var page = 0; page < other._pages.Length; page++)
        {
            for (var i = 0; other._pages[page] is { } cells && i < cells.Length; i++)
            {
                if (cells[i].Count > 0)
                    AddTo((page << layout.PageBits) + i, cells[i]);
            }
        }
        Totals += other.Totals;
    }

    /// <summary>Holds these cells and nothing else, none of them changed.</summary>
    public void Become(CellList list)
    {
        Clear();
        for (var i = 0; i < list.Indices.Length; i++)
            AddTo(list.Indices[i], list.Cells[i]);
        Totals = list.Totals;
        MarkUnchanged();
    }

    /// <summary>Holds nothing, and nothing has changed.</summary>
    public void Clear()
    {
        foreach (var page in _pages)
            page.AsSpan().Clear();
        Totals = default;
        MarkUnchanged();
    }

    /// <summary>From here on nothing has changed.</summary>
    public void MarkUnchanged() => Array.Clear(_changed);

    /// <summary>The cells that have changed, or all that are not empty, in order.</summary>
    public CellList List(bool changedOnly)
    {
        var (indices, cells) = (new List<int>(), new List<MemoryCell>());
        for (var word = 0; word < _changed.Length; word++)
        {
            // Most words have nothing to list: nothing in them has changed, or their page was never touched.
            var listed = changedOnly ? _changed[word] : layout.PageCells < 64 || _pages[layout.PageOf(word * 64)] is not null ? ulong.MaxValue : 0;
            for (var bits = listed; bits != 0; bits &= bits - 1)
            {
                var cell = word * 64 + BitOperations.TrailingZeroCount(bits);
                if (cell < layout.Shape.Cells && _pages[layout.PageOf(cell)] is { } page && page[layout.Within(cell)] is { Count: > 0 } sums)
                {
                    indices.Add(cell);
                    cells.Add(sums);
                }
            }
        }
        return new CellList(Totals, [.. indices], [.. cells]);
    }

    private void AddTo(int cell, in MemoryCell sums)
    {
        var page = _pages[layout.PageOf(cell)] ??= new MemoryCell[layout.PageCells];
        page[layout.Within(cell)] += sums;
        _changed[cell >> 6] |= 1UL << cell;
    }
}
