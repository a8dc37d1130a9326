using System.Buffers.Binary;
using System.Text;
using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Local;

/// <summary>The headers of a record: name length u8, name, value length u16, value, and so on to the end of the block; UTF-8.</summary>
internal static class JournalHeaders
{
    /// <summary>Of what the Api writes.</summary>
    public static readonly byte[] Binary = Encode([new("content-type", EventTopics.BinaryContentType)]);

    /// <summary>Of items.</summary>
    public static readonly byte[] Json = Encode([new("content-type", EventTopics.JsonContentType)]);

    private static readonly EventHeaders BinaryHeaders = new(EventTopics.BinaryContentType);
    private static readonly EventHeaders JsonHeaders = new(EventTopics.JsonContentType);

    /// <summary>Encodes headers; a value longer than 65 535 bytes is cut there.</summary>
    public static byte[] Encode(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        using var block = new MemoryStream();
        Span<byte> length = stackalloc byte[2];
        foreach (var (name, value) in headers)
        {
            var nameBytes = Encoding.UTF8.GetBytes(name);
            var valueBytes = Encoding.UTF8.GetBytes(value).AsSpan();
            valueBytes = valueBytes[..Math.Min(valueBytes.Length, ushort.MaxValue)];
            block.WriteByte(checked((byte)nameBytes.Length));
            block.Write(nameBytes);
            BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)valueBytes.Length);
            block.Write(length);
            block.Write(valueBytes);
        }
        return block.ToArray();
    }

    /// <summary>Decodes a block; stops at the first header that does not fit, which a checked record cannot have.</summary>
    public static List<KeyValuePair<string, string>> Decode(ReadOnlySpan<byte> block)
    {
        var headers = new List<KeyValuePair<string, string>>();
        while (block.Length > 0 && block.Length >= 3 + block[0])
        {
            var name = Encoding.UTF8.GetString(block.Slice(1, block[0]));
            block = block[(1 + block[0])..];
            var length = BinaryPrimitives.ReadUInt16LittleEndian(block);
            if (block.Length < 2 + length)
                break;
            headers.Add(new(name, Encoding.UTF8.GetString(block.Slice(2, length))));
            block = block[(2 + length)..];
        }
        return headers;
    }

    /// <summary>The headers that say what the bytes are. Allocates nothing for those that this service writes.</summary>
    public static EventHeaders ToEventHeaders(ReadOnlySpan<byte> block)
    {
        if (block.SequenceEqual(Binary))
            return BinaryHeaders;
        if (block.SequenceEqual(Json))
            return JsonHeaders;
        var headers = new EventHeaders(null);
        foreach (var (name, value) in Decode(block))
        {
            headers = name switch
            {
                "content-type" => headers with { ContentType = value },
                "ce_type" => headers with { CloudEventType = value },
                "ce_time" => headers with { CloudEventTime = value },
                "ce_id" => headers with { CloudEventId = value },
                _ => headers,
            };
        }
        return headers;
    }
}
