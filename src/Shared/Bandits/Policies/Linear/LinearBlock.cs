using System.Buffers;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// Sums of one ridge regression: Σ x·xᵀ and Σ x·(r − ½) over normalised rewards r. Sums of different partitions add. Rewards are centred so that an action nobody has
/// tried is expected in the middle of the range, worth a try while the others are below it.
/// </summary>
public sealed class LinearBlock(LinearDesign design)
{
    private readonly Dictionary<ulong, int> _columnOf = [];
    private readonly List<ulong> _keys = [];
    private double[] _gram = new double[PackedCholesky.Length(design.Fixed)];
    private double[] _moment = new double[design.Fixed];

    /// <summary>Interactions added.</summary>
    public long Count { get; private set; }

    /// <summary>Columns so far.</summary>
    public int Columns => design.Fixed + _keys.Count;

    /// <summary>Keys of the hashed columns, in column order after the fixed ones.</summary>
    public IReadOnlyList<ulong> Keys => _keys;

    /// <summary>Packed lower triangle of Σ x·xᵀ, longer than needed.</summary>
    public ReadOnlySpan<double> Gram => _gram.AsSpan(0, PackedCholesky.Length(Columns));

    /// <summary>Σ x·(r − ½).</summary>
    public ReadOnlySpan<double> Moment => _moment.AsSpan(0, Columns);

    /// <summary>Adds one interaction.</summary>
    /// <param name="interaction">Features and action.</param>
    /// <param name="reward">Normalised to [0, 1].</param>
    public void Add(Interaction interaction, double reward)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        Span<double> x = stackalloc double[LinearDesign.ColumnsMax + design.Fixed];
        Span<int> used = stackalloc int[LinearDesign.ColumnsMax + design.Fixed];
        x.Clear();
        design.Fill(interaction.Context, interaction.ActionFeatures, x);
        foreach (var feature in interaction.Context.Sparse.Span)
            AddColumn(design.ContextKey(feature.Hash), feature.Value, x);
        if (design.Shared)
        {
            foreach (var feature in interaction.ActionFeatures.Sparse.Span)
            {
                AddColumn(design.ActionKey(feature.Hash), feature.Value, x);
                foreach (var context in interaction.Context.Sparse.Span)
                    AddColumn(design.CrossKey(context.Hash, feature.Hash), context.Value * feature.Value, x);
            }
        }
        var n = 0;
        for (var i = 0; i < Columns; i++)
        {
            if (x[i] != 0)
                used[n++] = i;
        }
        for (var i = 0; i < n; i++)
        {
            var row = PackedCholesky.Length(used[i]);
            var xi = x[used[i]];
            for (var j = 0; j <= i; j++)
                _gram[row + used[j]] += xi * x[used[j]];
            _moment[used[i]] += xi * (reward - 0.5);
        }
        Count++;
    }

    /// <summary>Adds the sums of another partition.</summary>
    public void Add(LinearBlock other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var map = new int[other.Columns];
        for (var i = 0; i < map.Length; i++)
            map[i] = i < design.Fixed ? i : ColumnOf(other._keys[i - design.Fixed], limited: false);
        for (var i = 0; i < map.Length; i++)
        {
            _moment[map[i]] += other._moment[i];
            for (var j = 0; j <= i; j++)
                _gram[PackedCholesky.Length(Math.Max(map[i], map[j])) + Math.Min(map[i], map[j])] += other._gram[PackedCholesky.Length(i) + j];
        }
        Count += other.Count;
    }

    /// <summary>Bytes that <see cref="Write"/> takes.</summary>
    public int ByteCount => 12 + 8 * (_keys.Count + PackedCholesky.Length(Columns) + Columns);

    /// <summary>Writes count i64, hashed columns i32, keys, moments, packed gram, little-endian.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var span = output.GetSpan(ByteCount);
        var count = Count;
        var hashed = _keys.Count;
        MemoryMarshal.Write(span, in count);
        MemoryMarshal.Write(span[8..], in hashed);
        var at = 12;
        at += Copy(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_keys)), span[at..]);
        at += Copy(MemoryMarshal.AsBytes(Moment), span[at..]);
        at += Copy(MemoryMarshal.AsBytes(Gram), span[at..]);
        output.Advance(at);
    }

    /// <summary>Reads what <see cref="Write"/> wrote and moves <paramref name="input"/> behind it.</summary>
    /// <exception cref="SnapshotFormatException">It is cut short or holds numbers that are not finite.</exception>
    public static LinearBlock Read(LinearDesign design, ref ReadOnlySpan<byte> input)
    {
        var block = new LinearBlock(design);
        if (input.Length < 12)
            throw new SnapshotFormatException("A block of linear parameters is cut short.");
        block.Count = MemoryMarshal.Read<long>(input);
        var hashed = MemoryMarshal.Read<int>(input[8..]);
        if (block.Count < 0 || hashed < 0 || hashed > LinearDesign.ColumnsMax)
            throw new SnapshotFormatException($"A block of linear parameters promises {hashed} hashed columns after {block.Count} interactions.");
        var columns = design.Fixed + hashed;
        var bytes = 12 + 8 * (hashed + columns + PackedCholesky.Length(columns));
        if (input.Length < bytes)
            throw new SnapshotFormatException("A block of linear parameters is cut short.");
        foreach (var key in MemoryMarshal.Cast<byte, ulong>(input.Slice(12, 8 * hashed)))
        {
            if (!block._columnOf.TryAdd(key, block.Columns))
                throw new SnapshotFormatException("A block of linear parameters names a column twice.");
            block._keys.Add(key);
        }
        block._moment = MemoryMarshal.Cast<byte, double>(input.Slice(12 + 8 * hashed, 8 * columns)).ToArray();
        block._gram = MemoryMarshal.Cast<byte, double>(input[(12 + 8 * (hashed + columns))..bytes]).ToArray();
        foreach (var value in block._moment)
        {
            if (!double.IsFinite(value))
                throw new SnapshotFormatException("A block of linear parameters holds a number that is not finite.");
        }
        input = input[bytes..];
        return block;
    }

    private void AddColumn(ulong key, float value, Span<double> x)
    {
        var column = ColumnOf(key, limited: true);
        if (column >= 0)
            x[column] += value;
    }

    private int ColumnOf(ulong key, bool limited)
    {
        if (_columnOf.TryGetValue(key, out var column))
            return column;
        if (limited && _keys.Count >= LinearDesign.ColumnsMax - 1)
            return -1;
        column = Columns;
        _columnOf.Add(key, column);
        _keys.Add(key);
        if (_moment.Length < Columns)
        {
            Array.Resize(ref _moment, Math.Max(Columns, 2 * _moment.Length));
            Array.Resize(ref _gram, PackedCholesky.Length(_moment.Length));
        }
        return column;
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        from.CopyTo(to);
        return from.Length;
    }
}
