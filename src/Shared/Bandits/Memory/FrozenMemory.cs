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
/// ȳ = Sy/n   b̄ = Sb/n   error = γ·(ȳ − ŷ) + (1 − γ)·(ȳ − b̄)   corrected = ŷ + λ·m/(m + n₀) · error, m = n/K samples
/// </code>
/// The samples of the previous bucket of time count for less the more of the current one has passed. O(K) a row, whatever has been stored.
/// A picture is a function of what the partitions hold, bit by bit, whichever changes it was made by.
/// </remarks>
public sealed class FrozenMemory
{
    private readonly CellLayout _layout;
    private readonly PartitionCells[] _partitions;
    private readonly long _bucket;
    private readonly float[][] _pages;
    private readonly CellReader _reader;

    private FrozenMemory(MemoryOptions options, double elapsedShare, PartitionCells[] partitions, long bucket, float[][] pages)
    {
        Options = options;
        ElapsedShare = elapsedShare;
        _layout = new CellLayout(options.Shape);
        _partitions = partitions;
        _bucket = bucket;
        _pages = pages;
        var (current, previous) = (default(MemoryCell), default(MemoryCell));
        foreach (var partition in partitions)
        {
            current += partition.At(bucket)?.Totals ?? default;
            previous += partition.At(bucket - 1)?.Totals ?? default;
        }
        _reader = new CellReader(options, _layout, pages, current, previous, 1 - elapsedShare);
        Entries = current.Count + (1 - elapsedShare) * previous.Count;
    }

    /// <summary>How the memory is read.</summary>
    public MemoryOptions Options { get; }

    /// <summary>How much of the current bucket of time has passed, in [0, 1]: samples of the previous one count for the rest.</summary>
    public double ElapsedShare { get; }

    /// <summary>Samples that are read, those of the previous bucket as parts.</summary>
    public double Entries { get; }

    /// <summary>The newest bucket of time of any partition; older partitions than the one before count for nothing.</summary>
    public long Bucket => _bucket;

    /// <summary>Knows nothing and corrects nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The options are out of their ranges.</exception>
    public static FrozenMemory Empty(MemoryOptions options)
    {
        options.Validate();
        var pages = new float[new CellLayout(options.Shape).Pages][];
        Array.Fill(pages, FrozenPages.Zeros);
        return new FrozenMemory(options, 0, [], 0, pages);
    }

    /// <summary>The same samples at another time.</summary>
    /// <param name="elapsedShare">In [0, 1].</param>
    public FrozenMemory At(double elapsedShare)
    {
        if (!(elapsedShare >= 0 && elapsedShare <= 1))
            throw new ArgumentOutOfRangeException(nameof(elapsedShare), elapsedShare, "Not in [0, 1].");
        return new FrozenMemory(Options, elapsedShare, _partitions, _bucket, _pages);
    }

    /// <summary>The memory after changes. Costs the pages that have changed; all of them when time has come to another bucket. This one stays as it is.</summary>
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
        var bucket = partitions.Count == 0 ? 0 : partitions.Max(static p => p.Bucket);
        PartitionCells[] after = [.. partitions];
        return new FrozenMemory(Options, ElapsedShare, after, bucket, FrozenPages.After(_layout, Options.Gamma, _pages, _partitions, _bucket, after, bucket));
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
