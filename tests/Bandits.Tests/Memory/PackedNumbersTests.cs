using System.Buffers;
using CsCheck;
using Recsys.Bandits.Memory;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class PackedNumbersTests
{
    [Fact]
    public void Numbers_are_read_back_and_cut_short_they_are_not_numbers() =>
        Gen.OneOf(Gen.Long[0, long.MaxValue], Gen.Long[0, 1000], Gen.Int[0, 62].Select(static bits => (1L << bits) - 1), Gen.Const(long.MaxValue)).Array[1, 20].Sample(
            static numbers =>
            {
                var output = new ArrayBufferWriter<byte>();
                foreach (var number in numbers)
                    PackedNumbers.Write(output, number);
                var at = 0;
                foreach (var number in numbers)
                {
                    var start = at;
                    Assert.True(PackedNumbers.TryRead(output.WrittenSpan, ref at, out var read));
                    Assert.Equal(number, read);
                    var bits = 64 - (int)long.LeadingZeroCount(number);
                    Assert.Equal(Math.Max(1, (bits + 6) / 7), at - start);
                    var again = start;
                    Assert.False(PackedNumbers.TryRead(output.WrittenSpan[..(at - 1)], ref again, out _));
                }
                Assert.Equal(output.WrittenCount, at);
            },
            seed: "0000000000000", iter: 2000, threads: 1);

    [Fact]
    public void A_number_without_an_end_is_none()
    {
        var at = 0;
        Assert.False(PackedNumbers.TryRead(Enumerable.Repeat((byte)0x80, 20).ToArray(), ref at, out _));
    }
}
