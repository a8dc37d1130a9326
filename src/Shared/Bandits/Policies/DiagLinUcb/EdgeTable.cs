using System.Buffers;
using System.Buffers.Binary;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The state of a trainer as data: edges in strictly ascending order with their sums. The byte form, little-endian: interactions i64, refused
/// i64, edges i32, then per edge cluster i32, action key u64, n i64, d i64, b i64, s i64.
/// </summary>
/// <param name="Interactions">Interactions learned.</param>
/// <param name="Refused">Edge updates refused because the table was full or the weight was not in (0, 1].</param>
/// <param name="Keys">The edges, ascending.</param>
/// <param name="Sums">Their sums, same length.</param>
public sealed record EdgeTable(long Interactions, long Refused, EdgeKey[] Keys, EdgeSums[] Sums)
{
    private const int HeaderBytes = 20;
    private const int EdgeBytes = 44;

    /// <summary>Nothing learned.</summary>
    public static EdgeTable Empty { get; } = new(0, 0, [], []);

    /// <summary>Writes the byte form of edges that are given in any order.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="interactions">Interactions learned.</param>
    /// <param name="refused">Edge updates refused.</param>
    /// <param name="order">Indices into the next two, so that the keys ascend.</param>
    /// <param name="keys">The edges.</param>
    /// <param name="sums">Their sums.</param>
    public static void Write(
        IBufferWriter<byte> output, long interactions, long refused, ReadOnlySpan<int> order, ReadOnlySpan<EdgeKey> keys, ReadOnlySpan<EdgeSums> sums)
    {
        ArgumentNullException.ThrowIfNull(output);
        var span = output.GetSpan(HeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(span, interactions);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], refused);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], order.Length);
        output.Advance(HeaderBytes);
        const int EdgesAtOnce = 1024;
        for (var start = 0; start < order.Length; start += EdgesAtOnce)
        {
            var part = order[start..Math.Min(order.Length, start + EdgesAtOnce)];
            span = output.GetSpan(part.Length * EdgeBytes);
            for (var i = 0; i < part.Length; i++)
            {
                var edge = span.Slice(i * EdgeBytes, EdgeBytes);
                ref readonly var key = ref keys[part[i]];
                ref readonly var sum = ref sums[part[i]];
                BinaryPrimitives.WriteInt32LittleEndian(edge, key.Cluster);
                BinaryPrimitives.WriteUInt64LittleEndian(edge[4..], key.Action.Value);
                BinaryPrimitives.WriteInt64LittleEndian(edge[12..], sum.Count);
                BinaryPrimitives.WriteInt64LittleEndian(edge[20..], sum.Precision);
                BinaryPrimitives.WriteInt64LittleEndian(edge[28..], sum.Reward);
                BinaryPrimitives.WriteInt64LittleEndian(edge[36..], sum.Weight);
            }
            output.Advance(part.Length * EdgeBytes);
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
        var count = BinaryPrimitives.ReadInt32LittleEndian(input[16..]);
        if (interactions < 0 || refused < 0 || count < 0 || input.Length - HeaderBytes != (long)count * EdgeBytes)
            throw new SnapshotFormatException(
                $"Edge table of {input.Length} bytes promises {count} edges, {interactions} interactions and {refused} refused updates.");
        var keys = new EdgeKey[count];
        var sums = new EdgeSums[count];
        for (var i = 0; i < count; i++)
        {
            var edge = input.Slice(HeaderBytes + i * EdgeBytes, EdgeBytes);
            keys[i] = new EdgeKey(BinaryPrimitives.ReadInt32LittleEndian(edge), new ActionKey(BinaryPrimitives.ReadUInt64LittleEndian(edge[4..])));
            sums[i] = new EdgeSums(
                BinaryPrimitives.ReadInt64LittleEndian(edge[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[20..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[28..]),
                BinaryPrimitives.ReadInt64LittleEndian(edge[36..]));
            if (keys[i].Cluster < 0 || (i > 0 && keys[i - 1] >= keys[i]))
                throw new SnapshotFormatException($"Edge {i} ({keys[i]}) is out of order.");
            if (!sums[i].IsPossible)
                throw new SnapshotFormatException($"Edge {i} ({keys[i]}) has impossible sums {sums[i]}.");
        }
        return new EdgeTable(interactions, refused, keys, sums);
    }

    /// <summary>Adds two tables edge by edge. Integer addition, so merging commutes and associates exactly.</summary>
    /// <exception cref="SnapshotFormatException">The sums are larger than any number of interactions could make them.</exception>
    public static EdgeTable Merge(EdgeTable left, EdgeTable right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.Interactions > long.MaxValue - right.Interactions || left.Refused > long.MaxValue - right.Refused)
            throw new SnapshotFormatException("Shards count more interactions than an integer holds.");
        var keys = new EdgeKey[left.Keys.Length + right.Keys.Length];
        var sums = new EdgeSums[keys.Length];
        int count = 0, i = 0, j = 0;
        while (i < left.Keys.Length || j < right.Keys.Length)
        {
            var order = i == left.Keys.Length ? 1 : j == right.Keys.Length ? -1 : left.Keys[i].CompareTo(right.Keys[j]);
            keys[count] = order <= 0 ? left.Keys[i] : right.Keys[j];
            sums[count] = order < 0 ? left.Sums[i] : order > 0 ? right.Sums[j] : left.Sums[i] + right.Sums[j];
            if (!sums[count].IsPossible)
                throw new SnapshotFormatException($"Merged edge {keys[count]} has impossible sums {sums[count]}.");
            count++;
            if (order <= 0)
                i++;
            if (order >= 0)
                j++;
        }
        return new EdgeTable(left.Interactions + right.Interactions, left.Refused + right.Refused, keys[..count], sums[..count]);
    }
}
