using System.Buffers;

namespace Recsys.Bandits.Memory;

/// <summary>Numbers that are mostly small, seven bits to a byte, the lowest first, the high bit set on all bytes but the last (LEB128).</summary>
internal static class PackedNumbers
{
    /// <summary>Most bytes of a number.</summary>
    public const int BytesMost = 9;

    /// <summary>Writes a number.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="value">At least 0.</param>
    public static void Write(IBufferWriter<byte> output, long value)
    {
        var to = output.GetSpan(BytesMost);
        var length = 0;
        for (var rest = (ulong)value; ; rest >>= 7)
        {
            to[length++] = (byte)(rest & 0x7F | (rest > 0x7F ? 0x80u : 0));
            if (rest <= 0x7F)
                break;
        }
        output.Advance(length);
    }

    /// <summary>Reads a number.</summary>
    /// <param name="bytes">All of them.</param>
    /// <param name="at">In and out: where it starts, and where the next one does.</param>
    /// <param name="value">The number, at least 0.</param>
    /// <returns>False when it does not end within the bytes, or is longer than any number.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ref int at, out long value)
    {
        value = 0;
        for (var shift = 0; shift < 7 * BytesMost && at < bytes.Length; shift += 7)
        {
            var next = bytes[at++];
            value |= (long)(next & 0x7F) << shift;
            if (next <= 0x7F)
                return true;
        }
        return false;
    }
}
