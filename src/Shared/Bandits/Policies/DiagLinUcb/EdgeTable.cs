using System.Buffers;
using System.Buffers.Binary;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>Edges in strictly ascending order with their sums.</summary>
/// <param name="Keys">The edges.</param>
/// <param name="Sums">Their sums, same length.</param>
public readonly record struct EdgeList(EdgeKey[] Keys, EdgeSums[] Sums)
{
    /// <summary>No edges.</summary>
    public static EdgeList Empty { get; } = new([], []);
}

/// <summary>
/// The state of a trainer as data, and as well what it has learned since some time: sums of interactions either way. The byte form, little-endian: interactions i64,
/// refused i64, period i64, newest i64, flags i32 (1 full, 2 with awaited impressions), edges of this period i32, of the last one i32, then per edge cluster i32, action key u64, n i64, d i64,
/// b i64, s i64, x i64; with awaited impressions then their edges i32, at least one, and per edge cluster i32, action key u64, n i64, d i64, s i64.
/// </summary>
/// <param name="Interactions">Interactions learned.</param>
/// <param name="Refused">Edge updates refused because the table was full or the weight was not in [<see cref="EdgeSums.WeightMin"/>, 1].</param>
/// <param name="Period">The newest period of <see cref="Forgetting"/> that an interaction fell into.</param>
/// <param name="Newest">Time of the newest interaction, Unix milliseconds; 0 for none.</param>
/// <param name="IsFull">Whether the trainer has no room for another edge.</param>
/// <param name="Current">Sums of that period.</param>
/// <param name="Previous">Sums of the period before it.</param>
public sealed record EdgeTable(long Interactions, long Refused, long Period, long Newest, bool IsFull, EdgeList Current, EdgeList Previous)
{
    /// <summary>Bytes before the first edge.</summary>
    public const int HeaderBytes = 44;

    /// <summary>Bytes of one edge.</summary>
    public const int EdgeBytes = 52;

    /// <summary>Bytes of one edge with awaited impressions.</summary>
    public const int PendingBytes = 36;

    private const int FullFlag = 1, PendingFlag = 2;

    /// <summary>Impressions awaited by edge, or what these sums changed by.</summary>
    public PendingList Pending { get; init; } = PendingList.Empty;

    /// <summary>Nothing learned.</summary>
    public static EdgeTable Empty { get; } = new(0, 0, 0, 0, false, EdgeList.Empty, EdgeList.Empty);

    /// <summary>Edges, one that is in both periods counted twice.</summary>
    public int Edges => Current.Keys.Length + Previous.Keys.Length;

    /// <summary>Writes the byte form.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        WriteHeader(output, Interactions, Refused, Period, Newest, IsFull, Pending.Keys.Length > 0, Current.Keys.Length, Previous.Keys.Length);
        for (var i = 0; i < Current.Keys.Length; i++)
            WriteEdge(output, Current.Keys[i], Current.Sums[i]);
        for (var i = 0; i < Previous.Keys.Length; i++)
            WriteEdge(output, Previous.Keys[i], Previous.Sums[i]);
        WritePending(output, Pending);
    }

    /// <summary>Writes what stands before the edges.</summary>
    public static void WriteHeader(
        IBufferWriter<byte> output, long interactions, long refused, long period, long newest, bool isFull, bool hasPending, int current, int previous)
    {
        ArgumentNullException.ThrowIfNull(output);
        var span = output.GetSpan(HeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(span, interactions);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], refused);
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], period);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], newest);
        BinaryPrimitives.WriteInt32LittleEndian(span[32..], (isFull ? FullFlag : 0) | (hasPending ? PendingFlag : 0));
        BinaryPrimitives.WriteInt32LittleEndian(span[36..], current);
        BinaryPrimitives.WriteInt32LittleEndian(span[40..], previous);
        output.Advance(HeaderBytes);
    }

    /// <summary>Writes one edge; those of the newest period first, ascending in each.</summary>
    public static void WriteEdge(IBufferWriter<byte> output, in EdgeKey key, in EdgeSums sum)
    {
        ArgumentNullException.ThrowIfNull(output);
        var edge = output.GetSpan(EdgeBytes)[..EdgeBytes];
        BinaryPrimitives.WriteInt32LittleEndian(edge, key.Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(edge[4..], key.Action.Value);
        BinaryPrimitives.WriteInt64LittleEndian(edge[12..], sum.Count);
        BinaryPrimitives.WriteInt64LittleEndian(edge[20..], sum.Precision);
        BinaryPrimitives.WriteInt64LittleEndian(edge[28..], sum.Reward);
        BinaryPrimitives.WriteInt64LittleEndian(edge[36..], sum.Weight);
        BinaryPrimitives.WriteInt64LittleEndian(edge[44..], sum.Affinity);
        output.Advance(EdgeBytes);
    }

    /// <summary>Writes what stands behind the edges: nothing when nothing is awaited.</summary>
    public static void WritePending(IBufferWriter<byte> output, in PendingList pending)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (pending.Keys.Length == 0)
            return;
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), pending.Keys.Length);
        output.Advance(4);
        for (var i = 0; i < pending.Keys.Length; i++)
        {
            var edge = output.GetSpan(PendingBytes)[..PendingBytes];
            BinaryPrimitives.WriteInt32LittleEndian(edge, pending.Keys[i].Cluster);
            BinaryPrimitives.WriteUInt64LittleEndian(edge[4..], pending.Keys[i].Action.Value);
            BinaryPrimitives.WriteInt64LittleEndian(edge[12..], pending.Sums[i].Count);
            BinaryPrimitives.WriteInt64LittleEndian(edge[20..], pending.Sums[i].Precision);
            BinaryPrimitives.WriteInt64LittleEndian(edge[28..], pending.Sums[i].Weight);
            output.Advance(PendingBytes);
        }
    }

    /// <summary>Reads the byte form and checks all of it.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are not a table; the message says where.</exception>
    public static EdgeTable Read(ReadOnlySpan<byte> input)
    {
        if (input.Length < HeaderBytes)
            throw new SnapshotFormatException($"Edge table of {input.Length} bytes is shorter than its {HeaderBytes}-byte header.");
        var interactions = BinaryPrimitives.ReadInt64LittleEndian(input);
        var refused = BinaryPrimitives.ReadInt64LittleEndian(input[8..]);
        var period = BinaryPrimitives.ReadInt64LittleEndian(input[16..]);
        var newest = BinaryPrimitives.ReadInt64LittleEndian(input[24..]);
        var flags = BinaryPrimitives.ReadInt32LittleEndian(input[32..]);
        var current = BinaryPrimitives.ReadInt32LittleEndian(input[36..]);
        var previous = BinaryPrimitives.ReadInt32LittleEndian(input[40..]);
        var hasPending = (flags & PendingFlag) != 0;
        var edges = ((long)current + previous) * EdgeBytes;
        if (interactions < 0 || (flags & ~(FullFlag | PendingFlag)) != 0 || refused < 0 || period < 0 || current < 0 || previous < 0
            || (hasPending ? input.Length - HeaderBytes < edges + 4 + PendingBytes : input.Length - HeaderBytes != edges))
            throw new SnapshotFormatException(
                $"Edge table of {input.Length} bytes promises {current} + {previous} edges, {interactions} interactions and {refused} refused updates in period {period}.");
        var table = input[HeaderBytes..];
        return new EdgeTable(
            interactions, refused, period, newest, (flags & FullFlag) != 0, ReadList(table[..(current * EdgeBytes)]), ReadList(table[(current * EdgeBytes)..(int)edges]))
        {
            Pending = hasPending ? ReadPending(table[(int)edges..]) : PendingList.Empty,
        };
    }

    /// <summary>The sums of a period, none for one that is not kept.</summary>
    public EdgeList In(long period) => period == Period ? Current : period == Period - 1 ? Previous : EdgeList.Empty;

    private static EdgeList ReadList(ReadOnlySpan<byte> input)
    {
        var keys = new EdgeKey[input.Length / EdgeBytes];
        var sums = new EdgeSums[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            var edge = input.Slice(i * EdgeBytes, EdgeBytes);
            keys[i] = new EdgeKey(BinaryPrimitives.ReadInt32LittleEndian(edge), new ActionKey(BinaryPrimitives.ReadUInt64LittleEndian(edge[4..])));
            sums[i] = new EdgeSums(
                BinaryPrimitives.ReadInt64LittleEndian(edge[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[20..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[28..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[36..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[44..]));
            if (keys[i].Cluster < 0 || (i > 0 && keys[i - 1] >= keys[i]))
                throw new SnapshotFormatException($"Edge {i} ({keys[i]}) is out of order.");
            if (!sums[i].IsPossible)
                throw new SnapshotFormatException($"Edge {i} ({keys[i]}) has impossible sums {sums[i]}.");
        }
        return new EdgeList(keys, sums);
    }

    private static PendingList ReadPending(ReadOnlySpan<byte> input)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(input);
        if (count <= 0 || input.Length - 4 != (long)count * PendingBytes)
            throw new SnapshotFormatException($"{input.Length} bytes of awaited impressions promise {count} edges.");
        var keys = new EdgeKey[count];
        var sums = new PendingSums[count];
        for (var i = 0; i < count; i++)
        {
            var edge = input.Slice(4 + i * PendingBytes, PendingBytes);
            keys[i] = new EdgeKey(BinaryPrimitives.ReadInt32LittleEndian(edge), new ActionKey(BinaryPrimitives.ReadUInt64LittleEndian(edge[4..])));
            sums[i] = new PendingSums(
                BinaryPrimitives.ReadInt64LittleEndian(edge[12..]), BinaryPrimitives.ReadInt64LittleEndian(edge[20..]), BinaryPrimitives.ReadInt64LittleEndian(edge[28..]));
            if (keys[i].Cluster < 0 || (i > 0 && keys[i - 1] >= keys[i]))
                throw new SnapshotFormatException($"Awaited edge {i} ({keys[i]}) is out of order.");
            if (!sums[i].IsChange)
                throw new SnapshotFormatException($"Awaited edge {i} ({keys[i]}) has impossible sums {sums[i]}.");
        }
        return new PendingList(keys, sums);
    }
}
