using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// What all partitions have seen, for correcting predictions: the reading side of <see cref="ErrorMemory"/>. Immutable, thread-safe; reading allocates nothing.
/// </summary>
/// <remarks>
/// Source: ReLoop2 (arXiv 2306.08808), sections 3 and 4; the ratio of sums, the background and the evidence are ours. With n, Sy, Sb summed over the K cells of a row, less
/// what unrelated samples leave there on average (K/2^L of all samples: they meet in an array once in 2^L, and that is subtracted from the sum, which is not below 0):
/// <code>
/// ȳ = Sy/n   b̄ = Sb/n   error = γ·(ȳ − ŷ) + (1 − γ)·(ȳ − b̄)   corrected = ŷ + λ·trust(m) · error, m = n/K samples, trust of <see cref="MemoryTrust"/>
/// </code>
/// The samples of the previous buckets count for less the more of the current ones is full, over all partitions. O(K) a row, whatever has been stored.
/// A picture is a function of what the partitions hold, bit by bit, whichever changes it was made by.
/// </remarks>
public sealed class FrozenMemory
{
    private readonly CellLayout _layout;
    private readonly PartitionCells[] _partitions;
    private readonly float[][] _pages;
    private readonly CellReader _reader;

    private FrozenMemory(MemoryOptions options, MemoryTrust trust, PartitionCells[] partitions, float[][] pages)
    {
        (Options, Trust) = (options, trust);
        _layout = new CellLayout(options.Shape);
        _partitions = partitions;
        _pages = pages;
        var (current, previous) = (default(MemoryCell), default(MemoryCell));
        foreach (var partition in partitions)
        {
            current += partition.Current.Totals;
            previous += partition.Previous.Totals;
        }
        // Before anything is known a window is empty, and divides by one.
        var passed = Math.Min(1, current.Count / ((double)options.Window * Math.Max(1, partitions.Length)));
        _reader = new CellReader(options, trust, _layout, pages, current, previous, 1 - passed);
        Entries = current.Count + (1 - passed) * previous.Count;
    }

    /// <summary>How the memory is read.</summary>
    public MemoryOptions Options { get; }

    /// <summary>How much samples nearby are believed.</summary>
    public MemoryTrust Trust { get; }

    /// <summary>Samples that are read, those of the previous bucket as parts.</summary>
    public double Entries { get; }

    /// <summary>Knows nothing and corrects nothing.</summary>
    /// <param name="options">What it holds.</param>
    /// <param name="trust">How much samples are believed; null for what the options say, half for as many as 20 where they leave it to be learned.</param>
    /// <exception cref="ArgumentOutOfRangeException">The options are out of their ranges.</exception>
    public static FrozenMemory Empty(MemoryOptions options, MemoryTrust? trust = null)
    {
        options.Validate();
        var pages = new float[new CellLayout(options.Shape).Pages][];
        Array.Fill(pages, FrozenPages.Zeros);
        return new FrozenMemory(options, trust ?? MemoryTrust.Of(options.Evidence ?? 20), [], pages);
    }

    /// <summary>The same samples, believed otherwise.</summary>
    public FrozenMemory Believed(MemoryTrust trust) => new(Options, trust, _partitions, _pages);

    /// <summary>The memory after changes. Costs the pages that have changed. This one stays as it is.</summary>
    /// <param name="shards">In order, if several are of one partition; a whole state replaces what was known of its partition.</param>
    /// <exception cref="SnapshotFormatException">A delta does not continue what is known of its partition.</exception>
    /// <exception cref="ArgumentException">A change has another shape.</exception>
    public FrozenMemory With(params ReadOnlySpan<MemoryShard> shards)
    {
        List<PartitionCells> partitions = [.. _partitions];
        foreach (var (partition, change) in shards)
        {
            if (change.Shape != Options.Shape)
                throw new ArgumentException($"A change of {change.Shape}, this memory has {Options.Shape}.", nameof(shards));
            var at = partitions.FindIndex(p => p.Partition == partition);
            if (at < 0 && !change.IsWhole)
                throw new SnapshotFormatException($"Error memory is damaged: nothing is known of partition {partition}, which has sent a delta.");
            var next = change.IsWhole ? PartitionCells.Of(_layout, partition, change) : partitions[at].After(_layout, change);
            if (at < 0)
                partitions.Add(next);
            else
                partitions[at] = next;
        }
        PartitionCells[] after = [.. partitions];
        return new FrozenMemory(Options, Trust, after, FrozenPages.After(_layout, Options.Gamma, _pages, _partitions, after));
    }

    /// <summary>The memory without what a partition has seen.</summary>
    public FrozenMemory Without(int partition)
    {
        var after = Array.FindAll(_partitions, p => p.Partition != partition);
        return after.Length == _partitions.Length
            ? this
            : new FrozenMemory(Options, Trust, after, FrozenPages.After(_layout, Options.Gamma, _pages, _partitions, after));
    }

    /// <summary>What is nearby a sample.</summary>
    /// <param name="codes">Length K, each below 2^L, salted if samples were.</param>
    /// <returns>Samples, at least 0, and ȳ − (1 − γ)·b̄ of them, within [γ − 1, 1]; both 0 where there are none.</returns>
    /// <exception cref="ArgumentException">The length is another, or a code is out of range.</exception>
    public (float Evidence, float Local) Look(ReadOnlySpan<ushort> codes)
    {
        CellReader.CheckCodes(codes, Options.Shape.Arrays, Options.Shape);
        return _reader.Look(codes);
    }

    /// <summary>Corrects predictions for rows that each have codes of their own.</summary>
    /// <param name="codes">Shape [K, R], the code of row r in array k at k·R + r, as <see cref="SimHash"/> writes them; each below 2^L.</param>
    /// <param name="predictions">Length R, normalised to [0, 1]; those that are not finite stay as they are.</param>
    /// <param name="corrected">Length R, written; may be <paramref name="predictions"/>. In [0, 1], or between it and a prediction outside; the prediction, bit by bit,
    /// where there is no evidence or λ is 0.</param>
    /// <param name="evidence">Length R, written: samples nearby, 0 where there are none, which is a miss. Or empty.</param>
    /// <exception cref="ArgumentException">A length is another, or a code is out of range.</exception>
    public void Read(ReadOnlySpan<ushort> codes, ReadOnlySpan<float> predictions, Span<float> corrected, Span<float> evidence = default)
    {
        CellReader.CheckCodes(codes, (long)predictions.Length * Options.Shape.Arrays, Options.Shape);
        _reader.Read(codes, [], predictions, corrected, evidence);
    }

    /// <summary>Corrects predictions for candidates that share one row, salted by what they are: <see cref="ActionSalt"/>.</summary>
    /// <param name="codes">Length K, each below 2^L.</param>
    /// <param name="actions">Length R.</param>
    /// <param name="predictions">Length R, as above.</param>
    /// <param name="corrected">Length R, written, as above.</param>
    /// <param name="evidence">Length R, written, as above; or empty.</param>
    /// <exception cref="ArgumentException">A length is another, or a code is out of range.</exception>
    public void Read(
        ReadOnlySpan<ushort> codes, ReadOnlySpan<ActionKey> actions, ReadOnlySpan<float> predictions, Span<float> corrected, Span<float> evidence = default)
    {
        CellReader.CheckCodes(codes, Options.Shape.Arrays, Options.Shape);
        if (actions.Length != predictions.Length)
            throw new ArgumentException($"{actions.Length} actions, {predictions.Length} predictions.", nameof(actions));
        _reader.Read(codes, actions, predictions, corrected, evidence);
    }
}
