using System.Buffers;
using System.Text;
using CsCheck;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Infrastructure.Tests.Events;

public sealed class BinaryEventCodecTests
{
    [Fact]
    public void Read_returns_what_was_written() =>
        EventSamples.Any.Sample(
            logged => Assert.Equal(EventSamples.Describe(logged), EventSamples.Describe(BinaryEventCodec.Read(EventSamples.Write(logged)))),
            seed: "0000000000000", iter: 3_000, threads: 1);

    [Fact]
    public void WriteDecision_of_a_catalogue_keeps_the_chosen_actions_only() =>
        EventSamples.Decisions.Sample(
            decision =>
            {
                var output = new ArrayBufferWriter<byte>();
                EventSamples.Write(output, decision, allCandidates: false);
                var expected = decision with
                {
                    Actions = [.. decision.Chosen.Select(c => decision.Actions[c.Action])],
                    Chosen = [.. decision.Chosen.Select((c, i) => c with { Action = i })],
                };
                // Whether masks are written is decided for all candidates together; what they say is the same.
                Assert.Equal(EventSamples.Describe(expected), EventSamples.Describe(BinaryEventCodec.Read(output.WrittenSpan)));
            },
            seed: "0000000000000", iter: 1_000, threads: 1);

    [Fact]
    public void Format_of_version_1_does_not_move()
    {
        var decision = new DecisionEvent(
            "d1", 1_700_000_000_000, "uniform", 300, true, new FeatureSet(new[] { new SparseFeature(0x01020304, 1.5f) }, new[] { -2f }),
            [new ClusterWeight(3, 1)], [new LoggedAction("a", FeatureSet.Empty, 0b101)], [new ChosenSlot(0, 0.25f)]);
        Assert.Equal(
            "0101" + "0068E5CF8B010000" + "026431" + "07756E69666F726D" + "AC02" + "03"
            + "01" + "04030201" + "0000C03F" + "01" + "000000C0"
            + "01" + "03" + "0000803F"
            + "01" + "0161" + "00" + "00" + "0500000000000000"
            + "01" + "00" + "0000803E",
            Convert.ToHexString(EventSamples.Write(decision)));
        var traced = decision with
        {
            Traces =
            [
                new MemoryTrace(
                    0.25f, 0.5f, 3, -1,
                    [new MemoryAddress(new KeySpace(0x0102030405060708), new ushort[] { 1, 0x0FFF }), new MemoryAddress(new KeySpace(9), new ushort[] { 2, 3 })]),
            ],
        };
        var plain = Convert.ToHexString(EventSamples.Write(decision));
        Assert.Equal(
            plain.Replace("AC02" + "03", "AC02" + "0B", StringComparison.Ordinal)
            + "02" + "02" + "0807060504030201" + "0900000000000000"
            + "0000803E" + "0000003F" + "00004040" + "000080BF" + "0100FF0F" + "02000300",
            Convert.ToHexString(EventSamples.Write(traced)));
        Assert.Equal(
            "0102" + "0068E5CF8B010000" + "026431" + "000000000000F03F" + "03" + "0161" + "026531",
            Convert.ToHexString(EventSamples.Write(new RewardEvent("d1", 1_700_000_000_000, 1, "a", "e1"))));
        Assert.Equal("0103" + "0068E5CF8B010000" + "026431", Convert.ToHexString(EventSamples.Write(new ActivationEvent("d1", 1_700_000_000_000))));
        Assert.Equal("0104" + "0068E5CF8B010000", Convert.ToHexString(EventSamples.Write(new TickEvent(1_700_000_000_000))));
    }

    [Fact]
    public void Read_every_truncation_is_refused() =>
        EventSamples.Any.Sample(
            logged =>
            {
                var bytes = EventSamples.Write(logged);
                for (var length = 0; length < bytes.Length; length++)
                    Assert.NotEmpty(Assert.Throws<EventFormatException>(() => BinaryEventCodec.Read(bytes.AsSpan(0, length))).Message);
                Assert.Throws<EventFormatException>(() => BinaryEventCodec.Read([.. bytes, 0]));
            },
            seed: "0000000000000", iter: 200, threads: 1);

    [Fact]
    public void Read_random_damage_throws_nothing_but_its_own_exception_and_allocates_little() =>
        Gen.Select(EventSamples.Any, Gen.Select(Gen.Int[0, 10_000], Gen.Byte).Array[1, 6]).Sample(
            (logged, damage) =>
            {
                var bytes = EventSamples.Write(logged);
                foreach (var (at, value) in damage)
                    bytes[at % bytes.Length] = value;
                ReadDamaged(bytes);
            },
            seed: "0000000000000", iter: 20_000, threads: 1);

    [Fact]
    public void Read_noise_throws_nothing_but_its_own_exception_and_allocates_little() =>
        Gen.Select(Gen.Byte[1, 5], Gen.Byte.Array[0, 80]).Sample(
            (type, noise) => ReadDamaged([BinaryEventCodec.FormatVersion, type, 0, 0, 0, 0, 0, 1, 0, 0, .. noise]),
            seed: "0000000000000", iter: 20_000, threads: 1);

    [Theory]
    [InlineData("02 03 0000000000000000 0161", "format version 2")]
    [InlineData("01 09 0000000000000000 0161", "unknown type 9")]
    [InlineData("01 04 FFFFFFFFFFFFFFFF", "no date")]
    [InlineData("01 03 0000000000000000 00", "1 to 256 characters")]
    [InlineData("01 03 0000000000000000 0107", "control characters")]
    [InlineData("01 03 0000000000000000 01FF", "not valid UTF-8")]
    [InlineData("01 03 0000000000000000 FFFFFFFFFFFFFFFFFF7F", "more than 64 bits")]
    [InlineData("01 03 0000000000000000 FFFFFFFF0F", "in 0 bytes")]
    [InlineData("01 02 0000000000000000 0161 000000000000F87F 00", "not finite")]
    [InlineData("01 02 0000000000000000 0161 000000000000F03F 04", "flags 04")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 00 00 00 01 0161 00 00 00", "no chosen action")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 00 00 00 01 0161 00 00 01 00 00000000", "outside (0, 1]")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 00 00 00 01 0161 00 00 01 00 0100803F", "outside (0, 1]")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 00 00 00 01 0161 00 00 01 01 0000803F", "number 1 of 1")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 00 00 00 01 0161 00 00 02 00 0000803F 00 0000803F", "twice")]
    [InlineData("01 01 0000000000000000 0161 0170 00 01 01 00000000 0000C07F 00 00 01 0161 00 00 01 00 0000803F", "not finite")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 00 01", "0 codes")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 8102 01", "257 codes")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F FFFFFFFF0F 01", "there are 1 to 256")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 00", "0 key spaces")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 03", "3 key spaces")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 02 01 0000000000000000 00000000 00000000 00000000 00000000 0100", "cut short")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 01 0000000000000000 0000C07F 00000000 00000000 00000000 0100", "not finite")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 01 0000000000000000 00000000 0000807F 00000000 00000000 0100", "not finite")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 01 0000000000000000 00000000 00000000 000080BF 00000000 0100", "evidence -1")]
    [InlineData("01 01 0000000000000000 0161 0170 00 09 00 00 00 01 0161 00 00 01 00 0000803F 01 01 0000000000000000 00000000 00000000 00000000 0100803F 0100", "outside [-1, 1]")]
    [InlineData("01 01 0000000000000000 0161 0170 00 19 00 00 00 01 0161 00 00 01 00 0000803F", "flags 19")]
    public void Read_says_what_is_wrong(string hex, string reason) =>
        Assert.Contains(reason, Assert.Throws<EventFormatException>(() => BinaryEventCodec.Read(Convert.FromHexString(hex.Replace(" ", "")))).Message, StringComparison.Ordinal);

    [Fact]
    public void WriteDecision_allocates_nothing()
    {
        var candidates = Enumerable.Range(0, 20).Select(i => new Candidate(
            Encoding.UTF8.GetBytes($"action-{i}"), new ActionKey((ulong)i), new FeatureSet(new SparseFeature[4], new float[8]))).ToArray();
        var output = new ArrayBufferWriter<byte>(1 << 16);
        ClusterWeight[] clusters = [new(0, 1)];
        ChosenSlot[] chosen = [new(3, 0.5f)];
        void Write()
        {
            output.ResetWrittenCount();
            BinaryEventCodec.WriteDecision(
                output, "decision-1"u8, 1_700_000_000_000, "uniform"u8, 7, true,
                new DecisionQuery(candidates[0].Features, candidates, clusters), chosen, allCandidates: true);
        }
        Assert.Equal(0, Allocation.Least(Write));
    }

    [Fact]
    public void WriteDecision_with_traces_allocates_nothing_and_refuses_those_of_another_decision()
    {
        Candidate[] candidates = [new("a"u8.ToArray(), new ActionKey(1), FeatureSet.Empty), new("b"u8.ToArray(), new ActionKey(2), FeatureSet.Empty)];
        var output = new ArrayBufferWriter<byte>(1 << 16);
        var traces = new TraceBuffer();
        traces.Prepare(2, 64, [new KeySpace(1), new KeySpace(2)]);
        void Write(params ReadOnlySpan<ChosenSlot> chosen)
        {
            output.ResetWrittenCount();
            BinaryEventCodec.WriteDecision(
                output, "decision-1"u8, 1_700_000_000_000, "uniform"u8, 7, true, new DecisionQuery(FeatureSet.Empty, candidates, default), chosen,
                allCandidates: true, learned: true, traces);
        }
        Assert.Equal(0, Allocation.Least(() => Write(new(1, 0.5f), new(0, 1))));
        Assert.Equal(2, Assert.IsType<DecisionEvent>(BinaryEventCodec.Read(output.WrittenSpan)).Traces.Count);
        Assert.Throws<ArgumentException>(() => Write(new ChosenSlot(1, 0.5f)));
        traces.Clear();
        Write(new ChosenSlot(1, 0.5f));
        Assert.Empty(Assert.IsType<DecisionEvent>(BinaryEventCodec.Read(output.WrittenSpan)).Traces);
    }

    private static void ReadDamaged(byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            BinaryEventCodec.Read(bytes);
        }
        catch (EventFormatException problem)
        {
            Assert.NotEmpty(problem.Message);
        }
        // Exceptions with their traces take a few kilobytes; a count that is believed blindly would take megabytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }
}
