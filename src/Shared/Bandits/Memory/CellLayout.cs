namespace Recsys.Bandits.Memory;

/// <summary>
/// Where a cell is: number k·2^L + code of all, in pages of at most <see cref="PageMost"/> cells of one array. A small change copies small pages; reading through
/// them took 5 % longer than through one page for each array.
/// </summary>
/// <param name="Shape">K and L.</param>
internal readonly record struct CellLayout(MemoryShape Shape)
{
    /// <summary>Most cells of a page: 3 KiB of sums, 2 KiB of what is served. A sample touches one page of each array, and all of these are copied for the next picture.</summary>
    public const int PageMost = 1 << PageBitsMost;

    private const int PageBitsMost = 7;

    /// <summary>log₂ of the cells of a page.</summary>
    public int PageBits => Math.Min(Shape.Bits, PageBitsMost);

    /// <summary>Cells of a page.</summary>
    public int PageCells => 1 << PageBits;

    /// <summary>log₂ of the pages of an array.</summary>
    public int PagesPerArrayBits => Shape.Bits - PageBits;

    /// <summary>Pages of all arrays.</summary>
    public int Pages => Shape.Cells >> PageBits;

    /// <summary>The page of a cell.</summary>
    public int PageOf(int cell) => cell >> PageBits;

    /// <summary>The place of a cell in its page.</summary>
    public int Within(int cell) => cell & (PageCells - 1);
}
