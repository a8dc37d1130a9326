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
/// refused i64, period i64, newest i64, full i32 (1 or 0), edges of this period i32, of the last one i32, then per edge cluster i32, action key u64, n i64, d i64, b i64, s i64, x i64.
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

    /// <summary>Nothing learned.</summary>
    public static EdgeTable Empty { get; } = new(0, 0, 0, 0, false, EdgeList.Empty, EdgeList.Empty);

    /// <summary>Edges, one that is in both periods counted twice.</summary>
    public int Edges => Current.Keys.Length + Previous.Keys.Length;

    /// <summary>Writes the byte form.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        WriteHeader(output, Interactions, Refused, Period, Newest, IsFull, Current.Keys.Length, Previous.Keys.Length);
        for (var i = 0; i < Current.Keys.Length; i++)
            WriteEdge(output, Current.Keys[i], Current.Sums[i]);
        for (var i = 0; i < Previous.Keys.Length; i++)
            WriteEdge(output, Previous.Keys[i], Previous.Sums[i]);
    }

    /// <summary>Writes what stands before the edges.</summary>
    public static void WriteHeader(IBufferWriter<byte> output, long interactions, long refused, long period, long newest, bool isFull, int current, int previous)
    {
        ArgumentNullException.ThrowIfNull(output);
        var span = output.GetSpan(HeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(span, interactions);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], refused);
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], period);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], newest);
        BinaryPrimitives.WriteInt32LittleEndian(span[32..], isFull ? 1 : 0);
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
        var full = BinaryPrimitives.ReadInt32LittleEndian(input[32..]);
        var current = BinaryPrimitives.ReadInt32LittleEndian(input[36..]);
        var previous = BinaryPrimitives.ReadInt32LittleEndian(input[40..]);
        if (interactions < 0 || full is not (0 or 1) || refused < 0 || period < 0 || current < 0 || previous < 0
            || input.Length - HeaderBytes != ((long)current + previous) * EdgeBytes)
            throw new SnapshotFormatException(
                $"Edge table of {input.Length} bytes promises {current} + {previous} edges, {interactions} interactions and {refused} refused updates in period {period}.");
        var edges = input[HeaderBytes..];
        return new EdgeTable(interactions, refused, period, newest, full == 1, ReadList(edges[..(current * EdgeBytes)]), ReadList(edges[(current * EdgeBytes)..]));
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
}
