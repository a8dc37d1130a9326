using System.Buffers;
using System.Buffers.Binary;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;

namespace Recsys.TestKit;

/// <summary>
/// The smallest kind that learns sums and publishes increments of them: one sum for each action. Written for the eye, so that what serves can be compared with what was
/// learned, byte by byte.
/// </summary>
/// <param name="name">The kind of the catalogue that it stands in for.</param>
public sealed class SumKind(string name = "uniform") : IDeltaKind
{
    public string Name => name;

    public IReadOnlyList<Hyperparameter> Hyperparameters => [];

    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new SumTrainer();

    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        var sums = new Sums();
        foreach (var shard in shards)
            sums.Add(Sums.Read(Sums.Whole, shard.Parameters.Span));
        return new SumPolicy(name, spec, sums);
    }

    public IPolicy Apply(PolicySpec spec, IPolicy policy, IReadOnlyList<PolicyShard> deltas)
    {
        var sums = new Sums();
        sums.Add(((SumPolicy)policy).Sums);
        foreach (var delta in deltas)
            sums.Add(Sums.Read(Sums.Delta, delta.Parameters.Span));
        return new SumPolicy(name, spec, sums);
    }

    public void VerifyDelta(PolicySpec spec, ReadOnlySpan<byte> delta) => Sums.Read(Sums.Delta, delta);
}

/// <summary>What <see cref="SumKind"/> serves with.</summary>
public sealed class SumPolicy(string name, PolicySpec spec, Sums sums) : IPolicy
{
    /// <summary>What was learned.</summary>
    public Sums Sums { get; } = sums;

    /// <summary>The floor that it serves with, which changes nothing that was learned.</summary>
    public double MinimumPropensity => spec.MinimumPropensity;

    public PolicyDescriptor Descriptor { get; } = new(name, spec.Fingerprint, sums.Interactions);

    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        means[..query.Candidates.Length].Clear();
        widths[..query.Candidates.Length].Clear();
    }

    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) => propensities.Fill(1f / propensities.Length);
}

/// <summary>What <see cref="SumKind"/> learns with.</summary>
public sealed class SumTrainer : IDeltaTrainer
{
    private readonly Sums _all = new();
    private Sums? _unpublished;

    public long Interactions => _all.Interactions;

    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            var value = (long)Math.Round(interaction.Reward * 1000) + 1;
            _all.Add(interaction.Action.Value, value);
            _unpublished?.Add(interaction.Action.Value, value);
        }
    }

    public void WriteParameters(IBufferWriter<byte> output) => _all.Write(Sums.Whole, output);

    public void WriteCheckpoint(IBufferWriter<byte> output) => _all.Write(Sums.Whole, output);

    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var read = Sums.Read(Sums.Whole, input);
        _all.Clear();
        _all.Add(read);
        _unpublished = null;
    }

    public bool TryWriteDelta(IBufferWriter<byte> output)
    {
        _unpublished?.Write(Sums.Delta, output);
        return _unpublished is not null;
    }

    public void MarkPublished() => _unpublished = new Sums();
}

/// <summary>Sums by action, with the interactions that they are of.</summary>
public sealed class Sums
{
    internal const byte Whole = (byte)'W', Delta = (byte)'D';
    private const int HeaderBytes = 13, RowBytes = 16;

    private readonly SortedDictionary<ulong, long> _rows = [];

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; private set; }

    /// <summary>Equal for equal sums.</summary>
    public byte[] ToBytes()
    {
        var bytes = new ArrayBufferWriter<byte>();
        Write(Whole, bytes);
        return bytes.WrittenSpan.ToArray();
    }

    internal void Clear()
    {
        _rows.Clear();
        Interactions = 0;
    }

    internal void Add(ulong key, long value, long interactions = 1)
    {
        _rows[key] = _rows.GetValueOrDefault(key) + value;
        Interactions += interactions;
    }

    internal void Add(Sums other)
    {
        foreach (var (key, value) in other._rows)
            Add(key, value, 0);
        Interactions += other.Interactions;
    }

    internal void Write(byte form, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(HeaderBytes + RowBytes * _rows.Count);
        span[0] = form;
        BinaryPrimitives.WriteInt64LittleEndian(span[1..], Interactions);
        BinaryPrimitives.WriteInt32LittleEndian(span[9..], _rows.Count);
        var at = HeaderBytes;
        foreach (var (key, value) in _rows)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(span[at..], key);
            BinaryPrimitives.WriteInt64LittleEndian(span[(at + 8)..], value);
            at += RowBytes;
        }
        output.Advance(at);
    }

    internal static Sums Read(byte form, ReadOnlySpan<byte> input)
    {
        if (input.Length < HeaderBytes || input[0] != form || input.Length != HeaderBytes + RowBytes * (long)BinaryPrimitives.ReadInt32LittleEndian(input[9..]))
            throw new SnapshotFormatException($"These {input.Length} bytes are no sums of the form '{(char)form}'.");
        var sums = new Sums();
        for (var at = HeaderBytes; at < input.Length; at += RowBytes)
            sums.Add(BinaryPrimitives.ReadUInt64LittleEndian(input[at..]), BinaryPrimitives.ReadInt64LittleEndian(input[(at + 8)..]), 0);
        sums.Interactions = BinaryPrimitives.ReadInt64LittleEndian(input[1..]);
        return sums;
    }
}
