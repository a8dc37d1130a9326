using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// The compact form of events that the Api itself writes; <c>docs/events.md</c> has the layout. Little-endian; counts and lengths are
/// unsigned LEB128. Writing allocates nothing.
/// </summary>
public static class BinaryEventCodec
{
    /// <summary>First byte of every event. Readers refuse any other.</summary>
    public const byte FormatVersion = 1;

    private const byte DecisionType = 1, RewardType = 2, ActivationType = 3, TickType = 4;
    private const byte Activated = 1, HasMasks = 2, NotLearned = 4, HasTraces = 8;
    private const byte HasAction = 1, HasEventId = 2;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes a decision.</summary>
    /// <param name="output">Receives the bytes.</param>
    /// <param name="decisionId">UTF-8.</param>
    /// <param name="time">Unix ms.</param>
    /// <param name="policy">Kind of the policy that decided, UTF-8.</param>
    /// <param name="policyVersion">Interactions the serving parameters had learned from.</param>
    /// <param name="activated">False when the decision counts only once activated.</param>
    /// <param name="query">Context, clusters and candidates.</param>
    /// <param name="chosen">The filled positions; indices into the query's candidates.</param>
    /// <param name="allCandidates">False to write only the chosen candidates, for catalogues.</param>
    /// <param name="learned">Whether it is to be learned from.</param>
    /// <param name="traces">What the error memory said of the filled positions, one each in their order; null or empty where no memory was asked.</param>
    /// <exception cref="ArgumentException">There are traces, and not as many as positions.</exception>
    public static void WriteDecision(
        IBufferWriter<byte> output,
        ReadOnlySpan<byte> decisionId,
        long time,
        ReadOnlySpan<byte> policy,
        long policyVersion,
        bool activated,
        in DecisionQuery query,
        ReadOnlySpan<ChosenSlot> chosen,
        bool allCandidates,
        bool learned = true,
        TraceBuffer? traces = null)
    {
        var traced = traces is { Count: > 0 };
        if (traced && traces!.Count != chosen.Length)
            throw new ArgumentException($"{traces.Count} traces for {chosen.Length} positions.", nameof(traces));
        WriteStart(output, DecisionType, time);
        WriteBytes(output, decisionId);
        WriteBytes(output, policy);
        WriteVarint(output, (ulong)policyVersion);
        var masks = HasAnyMask(query.Candidates);
        WriteByte(output, (byte)((activated ? Activated : 0) | (masks ? HasMasks : 0) | (learned ? 0 : NotLearned) | (traced ? HasTraces : 0)));
        WriteFeatures(output, query.Context);
        WriteVarint(output, (ulong)query.Clusters.Length);
        foreach (var cluster in query.Clusters)
        {
            WriteVarint(output, (ulong)cluster.Cluster);
            WriteSingle(output, cluster.Weight);
        }
        if (allCandidates)
        {
            WriteVarint(output, (ulong)query.Candidates.Length);
            foreach (ref readonly var candidate in query.Candidates)
                WriteCandidate(output, candidate, masks);
        }
        else
        {
            WriteVarint(output, (ulong)chosen.Length);
            foreach (var slot in chosen)
                WriteCandidate(output, query.Candidates[slot.Action], masks);
        }
        WriteVarint(output, (ulong)chosen.Length);
        for (var i = 0; i < chosen.Length; i++)
        {
            WriteVarint(output, (ulong)(allCandidates ? chosen[i].Action : i));
            WriteSingle(output, chosen[i].Propensity);
        }
        if (traced)
            WriteTraces(output, traces!);
    }

    /// <summary>Writes a reward.</summary>
    public static void WriteReward(IBufferWriter<byte> output, RewardEvent reward)
    {
        ArgumentNullException.ThrowIfNull(reward);
        WriteStart(output, RewardType, reward.Time);
        WriteText(output, reward.DecisionId);
        var span = output.GetSpan(8);
        BinaryPrimitives.WriteDoubleLittleEndian(span, reward.Value);
        output.Advance(8);
        WriteByte(output, (byte)((reward.Action is null ? 0 : HasAction) | (reward.EventId is null ? 0 : HasEventId)));
        if (reward.Action is not null)
            WriteText(output, reward.Action);
        if (reward.EventId is not null)
            WriteText(output, reward.EventId);
    }

    /// <summary>Writes an activation.</summary>
    public static void WriteActivation(IBufferWriter<byte> output, ActivationEvent activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        WriteStart(output, ActivationType, activation.Time);
        WriteText(output, activation.DecisionId);
    }

    /// <summary>Writes a tick.</summary>
    public static void WriteTick(IBufferWriter<byte> output, TickEvent tick)
    {
        ArgumentNullException.ThrowIfNull(tick);
        WriteStart(output, TickType, tick.Time);
    }

    /// <summary>Reads an event; everything it keeps is copied out of <paramref name="bytes"/>.</summary>
    /// <exception cref="EventFormatException">Anything is wrong; the message says what.</exception>
    public static LoggedEvent Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new Reader(bytes);
        var version = reader.Byte();
        if (version != FormatVersion)
            throw new EventFormatException($"Binary event has format version {version}; this reader knows {FormatVersion}.");
        var type = reader.Byte();
        var time = reader.Int64();
        if (time is < 0 or > 253_402_300_799_999)
            throw new EventFormatException($"Binary event has time {time}, which is no date.");
        LoggedEvent logged = type switch
        {
            DecisionType => ReadDecision(ref reader, time),
            RewardType => ReadReward(ref reader, time),
            ActivationType => new ActivationEvent(reader.Id("decision id"), time),
            TickType => new TickEvent(time),
            _ => throw new EventFormatException($"Binary event has unknown type {type}."),
        };
        reader.End();
        return logged;
    }

    private static DecisionEvent ReadDecision(ref Reader reader, long time)
    {
        var decisionId = reader.Id("decision id");
        var policy = reader.Id("policy kind");
        var policyVersion = reader.Varint();
        if (policyVersion > long.MaxValue)
            throw new EventFormatException($"Binary event has policy version {policyVersion}.");
        var flags = reader.Flags(Activated | HasMasks | NotLearned | HasTraces);
        var context = reader.Features();
        var clusters = new ClusterWeight[reader.Count(5, "clusters")];
        for (var i = 0; i < clusters.Length; i++)
            clusters[i] = new ClusterWeight(reader.Int32("cluster"), reader.Single());
        var actions = new LoggedAction[reader.Count(3, "actions")];
        for (var i = 0; i < actions.Length; i++)
        {
            var id = reader.Id("action id");
            var features = reader.Features();
            actions[i] = new LoggedAction(id, features, (flags & HasMasks) != 0 ? (ulong)reader.Int64() : ulong.MaxValue);
        }
        var chosen = new ChosenSlot[reader.Count(5, "positions")];
        for (var i = 0; i < chosen.Length; i++)
            chosen[i] = new ChosenSlot(reader.Int32("position"), reader.Single());
        var decision = new DecisionEvent(decisionId, time, policy, (long)policyVersion, (flags & Activated) != 0, context, clusters, actions, chosen)
        {
            Learned = (flags & NotLearned) == 0,
            Traces = (flags & HasTraces) != 0 ? ReadTraces(ref reader, chosen.Length) : [],
        };
        DecisionRules.Check(decision);
        return decision;
    }

    private static MemoryTrace[] ReadTraces(ref Reader reader, int positions)
    {
        var arrays = reader.Int32("codes", MemoryShape.ArraysMax);
        var spaces = new KeySpace[reader.Int32("key spaces", MemoryTrace.AddressesMax)];
        for (var s = 0; s < spaces.Length; s++)
            spaces[s] = new KeySpace((ulong)reader.Int64());
        // Each position was read from five bytes at least, so this is no larger than the event.
        var traces = new MemoryTrace[positions];
        for (var i = 0; i < traces.Length; i++)
        {
            var (expected, corrected, evidence, local) = (reader.Single(), reader.Single(), reader.Single(), reader.Single());
            var addresses = new MemoryAddress[spaces.Length];
            for (var s = 0; s < addresses.Length; s++)
                addresses[s] = new MemoryAddress(spaces[s], reader.Codes(arrays));
            traces[i] = new MemoryTrace(expected, corrected, evidence, local, addresses);
        }
        return traces;
    }

    private static RewardEvent ReadReward(ref Reader reader, long time)
    {
        var decisionId = reader.Id("decision id");
        var value = BitConverter.Int64BitsToDouble(reader.Int64());
        if (!double.IsFinite(value))
            throw new EventFormatException($"Reward has value {value}, which is not finite.");
        var flags = reader.Flags(HasAction | HasEventId);
        var action = (flags & HasAction) != 0 ? reader.Id("action id") : null;
        var eventId = (flags & HasEventId) != 0 ? reader.Id("event id") : null;
        return new RewardEvent(decisionId, time, value, action, eventId);
    }

    private static void WriteStart(IBufferWriter<byte> output, byte type, long time)
    {
        var span = output.GetSpan(10);
        span[0] = FormatVersion;
        span[1] = type;
        BinaryPrimitives.WriteInt64LittleEndian(span[2..], time);
        output.Advance(10);
    }

    // Listed actions have all edges; only graphs need the eight bytes.
    private static bool HasAnyMask(ReadOnlySpan<Candidate> candidates)
    {
        foreach (ref readonly var candidate in candidates)
        {
            if (candidate.ClusterMask != ulong.MaxValue)
                return true;
        }
        return false;
    }

    private static void WriteCandidate(IBufferWriter<byte> output, in Candidate candidate, bool mask)
    {
        WriteBytes(output, candidate.Id.Span);
        WriteFeatures(output, candidate.Features);
        if (!mask)
            return;
        var span = output.GetSpan(8);
        BinaryPrimitives.WriteUInt64LittleEndian(span, candidate.ClusterMask);
        output.Advance(8);
    }

    private static void WriteFeatures(IBufferWriter<byte> output, FeatureSet features)
    {
        var sparse = features.Sparse.Span;
        WriteVarint(output, (ulong)sparse.Length);
        var span = output.GetSpan(8 * sparse.Length);
        for (var i = 0; i < sparse.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(span[(8 * i)..], sparse[i].Hash);
            BinaryPrimitives.WriteSingleLittleEndian(span[(8 * i + 4)..], sparse[i].Value);
        }
        output.Advance(8 * sparse.Length);
        var dense = features.Dense.Span;
        WriteVarint(output, (ulong)dense.Length);
        span = output.GetSpan(4 * dense.Length);
        for (var i = 0; i < dense.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(span[(4 * i)..], dense[i]);
        output.Advance(4 * dense.Length);
    }

    private static void WriteTraces(IBufferWriter<byte> output, TraceBuffer traces)
    {
        WriteVarint(output, (ulong)traces.Arrays);
        var spaces = traces.Spaces;
        WriteVarint(output, (ulong)spaces.Length);
        var span = output.GetSpan(8 * spaces.Length);
        for (var s = 0; s < spaces.Length; s++)
            BinaryPrimitives.WriteUInt64LittleEndian(span[(8 * s)..], spaces[s].Value);
        output.Advance(8 * spaces.Length);
        for (var i = 0; i < traces.Count; i++)
        {
            foreach (var number in traces.Numbers(i))
                WriteSingle(output, number);
            for (var s = 0; s < spaces.Length; s++)
            {
                var codes = traces.Codes(i, s);
                span = output.GetSpan(2 * codes.Length);
                for (var k = 0; k < codes.Length; k++)
                    BinaryPrimitives.WriteUInt16LittleEndian(span[(2 * k)..], codes[k]);
                output.Advance(2 * codes.Length);
            }
        }
    }

    private static void WriteText(IBufferWriter<byte> output, string text)
    {
        var length = Utf8.GetByteCount(text);
        WriteVarint(output, (ulong)length);
        Utf8.GetBytes(text, output.GetSpan(length));
        output.Advance(length);
    }

    private static void WriteBytes(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        WriteVarint(output, (ulong)bytes.Length);
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    private static void WriteByte(IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private static void WriteSingle(IBufferWriter<byte> output, float value)
    {
        BinaryPrimitives.WriteSingleLittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    private static void WriteVarint(IBufferWriter<byte> output, ulong value)
    {
        var span = output.GetSpan(10);
        var at = 0;
        for (; value >= 0x80; value >>= 7)
            span[at++] = (byte)(value | 0x80);
        span[at++] = (byte)value;
        output.Advance(at);
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _left = bytes;

        public byte Byte() => Take(1)[0];

        public byte Flags(byte known)
        {
            var flags = Byte();
            return (flags & ~known) == 0 ? flags : throw new EventFormatException($"Binary event has flags {flags:x2}, which this reader does not know.");
        }

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public float Single() => Finite(Take(4));

        public ulong Varint()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var next = Byte();
                if (shift == 63 && next > 1)
                    break;
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                    return value;
            }
            throw new EventFormatException("Binary event holds a number of more than 64 bits.");
        }

        public int Int32(string what)
        {
            var value = Varint();
            return value <= int.MaxValue ? (int)value : throw new EventFormatException($"Binary event promises {what} {value}.");
        }

        /// <summary>A number of things, of which there is at least one.</summary>
        public int Int32(string what, int maximum)
        {
            var value = Varint();
            return value >= 1 && value <= (ulong)maximum
                ? (int)value
                : throw new EventFormatException($"Binary event promises {value} {what}; there are 1 to {maximum}.");
        }

        public ushort[] Codes(int count)
        {
            var taken = Take(2 * count);
            var codes = new ushort[count];
            for (var k = 0; k < codes.Length; k++)
                codes[k] = BinaryPrimitives.ReadUInt16LittleEndian(taken[(2 * k)..]);
            return codes;
        }

        // A count is believed only as far as the bytes that are left could fill it, so a flipped bit never asks for gigabytes.
        public int Count(int bytesEach, string what)
        {
            var count = Varint();
            if (count > (ulong)(_left.Length / bytesEach))
                throw new EventFormatException($"Binary event promises {count} {what} in {_left.Length} bytes.");
            return (int)count;
        }

        public string Id(string what)
        {
            var utf8 = Take(Count(1, $"bytes of {what}"));
            string text;
            try
            {
                text = Utf8.GetString(utf8);
            }
            catch (DecoderFallbackException problem)
            {
                throw new EventFormatException($"The {what} is not valid UTF-8.", problem);
            }
            return Identifiers.Problem(text) is { } wrong ? throw new EventFormatException($"The {what} {wrong}") : text;
        }

        public FeatureSet Features()
        {
            var sparseCount = Count(8, "features");
            var taken = Take(8 * sparseCount);
            var sparse = sparseCount == 0 ? [] : new SparseFeature[sparseCount];
            for (var i = 0; i < sparse.Length; i++)
                sparse[i] = new SparseFeature(BinaryPrimitives.ReadUInt32LittleEndian(taken[(8 * i)..]), Finite(taken[(8 * i + 4)..]));
            var denseCount = Count(4, "vector elements");
            taken = Take(4 * denseCount);
            var dense = denseCount == 0 ? [] : new float[denseCount];
            for (var i = 0; i < dense.Length; i++)
                dense[i] = Finite(taken[(4 * i)..]);
            return new FeatureSet(sparse, dense);
        }

        public readonly void End()
        {
            if (!_left.IsEmpty)
                throw new EventFormatException($"Binary event goes on for {_left.Length} bytes after its end.");
        }

        private static float Finite(ReadOnlySpan<byte> bytes)
        {
            var value = BinaryPrimitives.ReadSingleLittleEndian(bytes);
            return float.IsFinite(value) ? value : throw new EventFormatException("Binary event holds a number that is not finite.");
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count > _left.Length)
                throw new EventFormatException("Binary event is cut short.");
            var taken = _left[..count];
            _left = _left[count..];
            return taken;
        }
    }
}
