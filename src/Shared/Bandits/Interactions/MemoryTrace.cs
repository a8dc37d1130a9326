namespace Recsys.Bandits.Interactions;

/// <summary>
/// Names the vectors that samples of an error memory were hashed from: codes of one space mean nothing in another. The lower 40 bits are a version, the number of interactions
/// after which the vectors were settled on; the upper 24 tell experiments, settings and policies apart.
/// </summary>
/// <param name="Value">All 64 bits.</param>
public readonly record struct KeySpace(ulong Value)
{
    private const int VersionBits = 40;

    /// <summary>A space of a lineage.</summary>
    /// <param name="lineage">Of what the vectors depend on; 24 bits of it are kept.</param>
    /// <param name="version">At least 0, below 2^40.</param>
    public static KeySpace Of(ulong lineage, long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(version, 1L << VersionBits);
        return new KeySpace(lineage << VersionBits | (ulong)version);
    }

    /// <summary>Which of two spaces of one lineage is newer.</summary>
    public long Version => (long)(Value & ((1UL << VersionBits) - 1));

    /// <summary>Whether the other has the same lineage.</summary>
    public bool IsRelated(KeySpace other) => Value >> VersionBits == other.Value >> VersionBits;
}

/// <summary>Where one sample is in an error memory.</summary>
/// <param name="Space">What the codes were made from.</param>
/// <param name="Codes">Its cell in each array, length K.</param>
public sealed record MemoryAddress(KeySpace Space, ReadOnlyMemory<ushort> Codes);

/// <summary>What the error memory said of a shown action, as it was served, and where what comes of it belongs. Rewards and estimates in the experiment's own units.</summary>
/// <param name="Expected">What the model alone expected; finite.</param>
/// <param name="Corrected">What was served; finite.</param>
/// <param name="Evidence">Samples nearby, at least 0, finite.</param>
/// <param name="Local">What these say the reward is, or the model's error where the memory remembers errors: normalised, within [-1, 1]; 0 without evidence.</param>
/// <param name="Addresses">One for each space that is served from or being filled: one or two.</param>
public sealed record MemoryTrace(float Expected, float Corrected, float Evidence, float Local, IReadOnlyList<MemoryAddress> Addresses)
{
    /// <summary>Most addresses of a trace.</summary>
    public const int AddressesMax = 2;
}

/// <summary>Traces of one decision, in memory that is used again.</summary>
public sealed class TraceBuffer
{
    private readonly KeySpace[] _spaces = new KeySpace[MemoryTrace.AddressesMax];
    private float[] _numbers = new float[32];
    private ushort[] _codes = [];

    /// <summary>Positions traced; 0 where there is no memory.</summary>
    public int Count { get; private set; }

    /// <summary>K: arrays of the memory.</summary>
    public int Arrays { get; private set; }

    /// <summary>Spaces of the codes, one or two.</summary>
    public ReadOnlySpan<KeySpace> Spaces => _spaces.AsSpan(0, SpaceCount);

    private int SpaceCount { get; set; }

    /// <summary>Nothing is traced.</summary>
    public void Clear() => Count = 0;

    /// <summary>Makes room.</summary>
    /// <param name="count">Positions.</param>
    /// <param name="arrays">K.</param>
    /// <param name="spaces">At most <see cref="MemoryTrace.AddressesMax"/>.</param>
    public void Prepare(int count, int arrays, ReadOnlySpan<KeySpace> spaces)
    {
        spaces.CopyTo(_spaces);
        (Count, Arrays, SpaceCount) = (count, arrays, spaces.Length);
        if (_numbers.Length < 4 * count)
            _numbers = new float[4 * count];
        if (_codes.Length < count * spaces.Length * arrays)
            _codes = new ushort[count * spaces.Length * arrays];
    }

    /// <summary>Expected, corrected, evidence and local of a position, as in <see cref="MemoryTrace"/>.</summary>
    public Span<float> Numbers(int position) => _numbers.AsSpan(4 * position, 4);

    /// <summary>Codes of a position in one of the spaces, length K.</summary>
    public Span<ushort> Codes(int position, int space) => _codes.AsSpan((position * SpaceCount + space) * Arrays, Arrays);

    /// <summary>A copy of one trace.</summary>
    public MemoryTrace ToTrace(int position)
    {
        var numbers = Numbers(position);
        var addresses = new MemoryAddress[SpaceCount];
        for (var s = 0; s < addresses.Length; s++)
            addresses[s] = new MemoryAddress(_spaces[s], Codes(position, s).ToArray());
        return new MemoryTrace(numbers[0], numbers[1], numbers[2], numbers[3], addresses);
    }
}
