namespace Recsys.Bandits.Memory;

/// <summary>Size of an error memory: K arrays of 2^L cells each. A sample is in one cell of every array.</summary>
/// <param name="Arrays">K, in [1, <see cref="ArraysMax"/>]: the estimate's noise falls with 1/√K.</param>
/// <param name="Bits">L, in [1, <see cref="BitsMax"/>]: two vectors at angle θ share a cell with probability (1 − θ/π)^L.</param>
public readonly record struct MemoryShape(int Arrays, int Bits)
{
    /// <summary>Most arrays; ReLoop2 finds its best between 70 and 180.</summary>
    public const int ArraysMax = 256;

    /// <summary>Most bits; the index of a cell within its array is a 16-bit number.</summary>
    public const int BitsMax = 16;

    /// <summary>Most cells of all arrays: 64 MiB of what is served, 200 MiB of what a partition has learned.</summary>
    public const int CellsMax = 1 << 22;

    /// <summary>2^L: cells of one array.</summary>
    public int CellsPerArray => 1 << Bits;

    /// <summary>K · 2^L.</summary>
    public int Cells => Arrays << Bits;

    /// <summary>Says what is wrong with the numbers, if anything.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number, or their product, is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Arrays, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Arrays, ArraysMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(Bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Bits, BitsMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Cells, CellsMax);
    }
}
