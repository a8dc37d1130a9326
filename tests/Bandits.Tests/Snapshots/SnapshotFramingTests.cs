using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Snapshots;

/// <summary>A frame opens to exactly what was framed, or not at all.</summary>
public sealed class SnapshotFramingTests
{
    private static readonly SnapshotHeader Header = new(0x0123456789ABCDEF, 3, 7, 1L << 40);

    public static TheoryData<int> PayloadLengths => [0, 1, 7, 300, 5000];

    [Theory]
    [MemberData(nameof(PayloadLengths))]
    public void Open_gives_back_what_was_framed(int length)
    {
        var framed = SnapshotFraming.Frame(Header, Payload(length));
        Assert.Equal(SnapshotFraming.HeaderBytes + length, framed.Length);
        Assert.Equal(Header, SnapshotFraming.Open(framed, Header.Fingerprint, out var payload));
        Assert.Equal(Payload(length), payload.ToArray());
    }

    [Theory]
    [MemberData(nameof(PayloadLengths))]
    public void Open_refuses_every_flipped_bit_and_every_cut(int length)
    {
        var framed = SnapshotFraming.Frame(Header, Payload(length));
        for (var bit = 0; bit < 8 * framed.Length; bit += length > 1000 ? 13 : 1)
        {
            var damaged = (byte[])framed.Clone();
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            Refused(damaged);
        }
        for (var cut = 0; cut < framed.Length; cut += length > 1000 ? 17 : 1)
            Refused(framed[..cut]);
        Refused([.. framed, 0]);
    }

    [Theory]
    [InlineData(0, "magic")]
    [InlineData(4, "format version")]
    [InlineData(20, "promises")]
    [InlineData(40, "checksum")]
    [InlineData(50, "checksum")]
    public void Open_says_what_is_wrong(int damagedByte, string word)
    {
        var framed = SnapshotFraming.Frame(Header, Payload(10));
        framed[damagedByte] ^= 0x10;
        Assert.Contains(word, Refused(framed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_refuses_another_configuration() =>
        Assert.Contains("configuration", Assert.Throws<SnapshotMismatchException>(
            () => SnapshotFraming.Open(SnapshotFraming.Frame(Header, Payload(10)), Header.Fingerprint + 1, out _)).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(PayloadLengths))]
    public void Delta_opens_to_what_was_framed_and_not_otherwise(int length)
    {
        var header = new DeltaHeader(Header, Header.Interactions - 5);
        var framed = SnapshotFraming.FrameDelta(header, Payload(length));
        Assert.Equal(SnapshotFraming.DeltaHeaderBytes + length, framed.Length);
        Assert.Equal(header, SnapshotFraming.OpenDelta(framed, Header.Fingerprint, out var payload));
        Assert.Equal(Payload(length), payload.ToArray());
        for (var bit = 0; bit < 8 * framed.Length; bit += length > 1000 ? 13 : 1)
        {
            var damaged = (byte[])framed.Clone();
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            RefusedDelta(damaged);
        }
        for (var cut = 0; cut < framed.Length; cut += length > 1000 ? 17 : 1)
            RefusedDelta(framed[..cut]);
        Assert.Throws<SnapshotMismatchException>(() => SnapshotFraming.OpenDelta(framed, Header.Fingerprint + 1, out _));
    }

    [Fact]
    public void Delta_is_no_whole_and_the_reverse_and_leads_on()
    {
        Assert.Contains("magic", Refused(SnapshotFraming.FrameDelta(new DeltaHeader(Header, 0), Payload(60))).Message, StringComparison.Ordinal);
        Assert.Contains("magic", RefusedDelta(SnapshotFraming.Frame(Header, Payload(60))).Message, StringComparison.Ordinal);
        foreach (var more in (int[])[0, 1])
            Assert.Contains("not on", RefusedDelta(SnapshotFraming.FrameDelta(new DeltaHeader(Header, Header.Interactions + more), Payload(1))).Message, StringComparison.Ordinal);
    }

    private static SnapshotFormatException RefusedDelta(byte[] framed) =>
        Assert.Throws<SnapshotFormatException>(() => SnapshotFraming.OpenDelta(framed, Header.Fingerprint, out _));

    private static SnapshotFormatException Refused(byte[] framed) =>
        Assert.Throws<SnapshotFormatException>(() => SnapshotFraming.Open(framed, Header.Fingerprint, out _));

    private static byte[] Payload(int length)
    {
        var payload = new byte[length];
        new Random(length).NextBytes(payload);
        return payload;
    }
}
