using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Infrastructure.Experiments;

/// <summary>
/// A graph plan as one immutable blob, little-endian: magic "RCSG", format version u16, flags u16 (1: rows are given), checksum u64, version i64, clusters i32, dimension
/// i32, distinct items i32, edges i32, then cluster ids i32, centroids f32 row by row, length of each row i32, item keys u64 ascending, and per edge the position of its item i32.
/// The checksum is XxHash3 of all that follows it.
/// </summary>
/// <remarks>30,000 clusters of 64 numbers are 7.8 MB; 10 million edges to a million items are another 48 MB.</remarks>
public static class GraphPlanCodec
{
    /// <summary>Version of the layout. Readers refuse any other.</summary>
    public const ushort FormatVersion = 1;

    private const int ChecksumAt = 8;
    private const int CheckedFrom = 16;
    private const int HeaderBytes = 40;
    private const ushort HasRows = 1;

    /// <summary>Writes a plan.</summary>
    /// <param name="plan">One id per centroid; valid as <see cref="Read"/> demands it.</param>
    /// <returns>The blob and its checksum.</returns>
    public static (byte[] Blob, ulong Checksum) Write(GraphPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var (clusters, dimension) = (plan.Centroids.Count, plan.Centroids.Count == 0 ? 0 : plan.Centroids[0].Length);
        var keys = Distinct(plan.Rows);
        var edges = plan.Rows?.Sum(static row => row.Count) ?? 0;
        var blob = new byte[Length(clusters, dimension, keys.Length, edges, plan.Rows is not null)];
        var span = blob.AsSpan();
        "RCSG"u8.CopyTo(span);
        BinaryPrimitives.WriteUInt16LittleEndian(span[4..], FormatVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(span[6..], plan.Rows is null ? (ushort)0 : HasRows);
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], plan.Version);
        BinaryPrimitives.WriteInt32LittleEndian(span[24..], clusters);
        BinaryPrimitives.WriteInt32LittleEndian(span[28..], dimension);
        BinaryPrimitives.WriteInt32LittleEndian(span[32..], keys.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[36..], edges);
        var at = HeaderBytes;
        foreach (var id in plan.ClusterIds)
            Int32(span, ref at, id);
        foreach (var centroid in plan.Centroids)
        {
            MemoryMarshal.AsBytes(centroid.AsSpan()).CopyTo(span[at..]);
            at += 4 * dimension;
        }
        foreach (var row in plan.Rows ?? [])
            Int32(span, ref at, row.Count);
        MemoryMarshal.AsBytes(keys.AsSpan()).CopyTo(span[at..]);
        at += 8 * keys.Length;
        var positions = new Dictionary<ulong, int>(keys.Length);
        for (var i = 0; i < keys.Length; i++)
            positions.Add(keys[i], i);
        foreach (var row in plan.Rows ?? [])
        {
            foreach (var key in row)
                Int32(span, ref at, positions[key.Value]);
        }
        var checksum = XxHash3.HashToUInt64(span[CheckedFrom..]);
        BinaryPrimitives.WriteUInt64LittleEndian(span[ChecksumAt..], checksum);
        return (blob, checksum);
    }

    /// <summary>Whether a blob is, to the bit, the one with a checksum.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> blob, ulong checksum) =>
        blob.Length >= HeaderBytes && BinaryPrimitives.ReadUInt64LittleEndian(blob[ChecksumAt..]) == checksum
        && XxHash3.HashToUInt64(blob[CheckedFrom..]) == checksum;

    /// <summary>Verifies a blob completely and reads it.</summary>
    /// <exception cref="SnapshotFormatException">It is damaged, of another format, or no possible plan; the message says how.</exception>
    public static GraphPlan Read(ReadOnlySpan<byte> blob)
    {
        if (blob.Length < HeaderBytes)
            throw new SnapshotFormatException($"A graph of {blob.Length} bytes is shorter than its {HeaderBytes}-byte header.");
        if (!blob.StartsWith("RCSG"u8))
            throw new SnapshotFormatException("The graph does not start with the magic 'RCSG'.");
        if (BinaryPrimitives.ReadUInt16LittleEndian(blob[4..]) is var version && version != FormatVersion)
            throw new SnapshotFormatException($"The graph has format version {version}; this reader knows {FormatVersion}.");
        if (!IsIntact(blob, BinaryPrimitives.ReadUInt64LittleEndian(blob[ChecksumAt..])))
            throw new SnapshotFormatException("The graph's checksum does not match its content.");
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(blob[6..]);
        var (clusters, dimension) = (BinaryPrimitives.ReadInt32LittleEndian(blob[24..]), BinaryPrimitives.ReadInt32LittleEndian(blob[28..]));
        var (items, edges) = (BinaryPrimitives.ReadInt32LittleEndian(blob[32..]), BinaryPrimitives.ReadInt32LittleEndian(blob[36..]));
        var given = flags == HasRows;
        if (flags > HasRows || clusters < 0 || dimension < 0 || items < 0 || edges < 0 || (clusters == 0) != (dimension == 0) || (!given && (items > 0 || edges > 0)))
            throw new SnapshotFormatException($"The graph promises {clusters} clusters of {dimension} numbers, {items} items and {edges} edges with flags {flags}.");
        if (Length(clusters, dimension, items, edges, given) != blob.Length)
            throw new SnapshotFormatException($"The graph promises {Length(clusters, dimension, items, edges, given)} bytes and has {blob.Length}.");
        var at = HeaderBytes;
        var ids = Ids(blob.Slice(at, 4 * clusters));
        at += 4 * clusters;
        var centroids = new float[clusters][];
        for (var c = 0; c < clusters; c++, at += 4 * dimension)
        {
            centroids[c] = MemoryMarshal.Cast<byte, float>(blob.Slice(at, 4 * dimension)).ToArray();
            if (!TensorPrimitives.IsFiniteAll<float>(centroids[c]))
                throw new SnapshotFormatException($"Centroid {c} of the graph is not finite.");
        }
        return new GraphPlan(
            BinaryPrimitives.ReadInt64LittleEndian(blob[16..]), centroids, ids, given ? Rows(blob[at..], clusters, items, edges) : null);
    }

    private static ActionKey[][] Rows(ReadOnlySpan<byte> blob, int clusters, int items, int edges)
    {
        var lengths = MemoryMarshal.Cast<byte, int>(blob[..(4 * clusters)]).ToArray();
        var keys = MemoryMarshal.Cast<byte, ulong>(blob.Slice(4 * clusters, 8 * items)).ToArray();
        var positions = MemoryMarshal.Cast<byte, int>(blob[(4 * clusters + 8 * items)..]);
        for (var i = 1; i < keys.Length; i++)
        {
            if (keys[i - 1] >= keys[i])
                throw new SnapshotFormatException("The graph's items do not ascend.");
        }
        var rows = new ActionKey[clusters][];
        var lastRow = new int[items];
        long at = 0;
        for (var c = 0; c < clusters; c++)
        {
            if (lengths[c] < 0 || at + lengths[c] > edges)
                throw new SnapshotFormatException($"Row {c} of the graph promises {lengths[c]} edges; {edges - at} are left.");
            rows[c] = new ActionKey[lengths[c]];
            for (var rank = 0; rank < rows[c].Length; rank++)
            {
                var item = positions[(int)at++];
                if ((uint)item >= (uint)items || lastRow[item] == c + 1)
                    throw new SnapshotFormatException($"Row {c} of the graph has {((uint)item >= (uint)items ? "an item that is not listed" : "an item twice")}.");
                lastRow[item] = c + 1;
                rows[c][rank] = new ActionKey(keys[item]);
            }
        }
        return at == edges ? rows : throw new SnapshotFormatException($"The rows of the graph have {at} edges, {edges} were promised.");
    }

    private static int[] Ids(ReadOnlySpan<byte> bytes)
    {
        var ids = MemoryMarshal.Cast<byte, int>(bytes).ToArray();
        var seen = new HashSet<int>(ids.Length);
        foreach (var id in ids)
        {
            if (id < 0 || !seen.Add(id))
                throw new SnapshotFormatException($"Cluster id {id} of the graph is negative or occurs twice.");
        }
        return ids;
    }

    private static ulong[] Distinct(IReadOnlyList<IReadOnlyList<ActionKey>>? rows)
    {
        var distinct = new HashSet<ulong>();
        foreach (var row in rows ?? [])
        {
            foreach (var key in row)
                distinct.Add(key.Value);
        }
        var keys = distinct.ToArray();
        Array.Sort(keys);
        return keys;
    }

    private static long Length(int clusters, int dimension, int items, int edges, bool rows) =>
        HeaderBytes + 4L * clusters + 4L * clusters * dimension + (rows ? 4L * clusters : 0) + 8L * items + 4L * edges;

    private static void Int32(Span<byte> span, ref int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(span[at..], value);
        at += 4;
    }
}
