using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>Where one block's sums lie in the bytes of a shard.</summary>
/// <param name="Key">The action's key, or 0.</param>
/// <param name="Dimension">D.</param>
/// <param name="Start">First byte of the packed Gram matrix; the moments follow it.</param>
internal readonly record struct BlockView(ulong Key, int Dimension, int Start);

/// <summary>
/// The bytes of a <see cref="LinearState"/>, the same for parameters and checkpoints, little-endian: interactions i64, reward sum f64, spilled i32,
/// features F i32, blocks B i32, weights W i32, ids u64 × F, then per block key u64, D i64, Gram f64 × D(D+1)/2, moments f64 × D, then means
/// f64 × W, precisions f64 × W, slots i32 × W. Everything is verified before anything is used.
/// </summary>
internal sealed class LinearShard
{
    private const int HeaderBytes = 32;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _features;
    private readonly int _weights;
    private readonly int _weightsAt;
    private readonly List<BlockView> _blocks = [];

    private LinearShard(ReadOnlyMemory<byte> bytes, LinearOptions options)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Linear policies read their sums in place, which needs a little-endian machine.");
        _bytes = bytes;
        var span = bytes.Span;
        if (span.Length < HeaderBytes)
            throw new SnapshotFormatException($"Linear state of {span.Length} bytes is shorter than its {HeaderBytes}-byte header.");
        Interactions = BinaryPrimitives.ReadInt64LittleEndian(span);
        RewardSum = BinaryPrimitives.ReadDoubleLittleEndian(span[8..]);
        var spilled = BinaryPrimitives.ReadInt32LittleEndian(span[16..]);
        Spilled = spilled == 1;
        _features = BinaryPrimitives.ReadInt32LittleEndian(span[20..]);
        var blocks = BinaryPrimitives.ReadInt32LittleEndian(span[24..]);
        _weights = BinaryPrimitives.ReadInt32LittleEndian(span[28..]);
        Require(Interactions >= 0 && RewardSum >= 0 && RewardSum <= Interactions, "its reward sum does not belong to its count");
        Require(spilled is 0 or 1, "its form is neither full nor diagonal");
        Require(_features >= 0 && _features <= options.FullDimensionMax, "it has more features than the configuration allows");
        Require(_weights >= 0 && _weights <= 1 << LinearOptions.WeightBits, "it has more weights than the table has slots");
        Require(blocks >= 0 && (!Spilled || (blocks == 0 && _features == 0)), "it has full blocks although it gave them up");
        var at = (long)HeaderBytes + 8L * _features;
        Require(at <= span.Length, "it ends within its feature ids");
        VerifyIds();
        _weightsAt = ReadBlocks(blocks, (int)at, options);
        Require(span.Length - _weightsAt == 20L * _weights, "it does not end with its weights");
        VerifyWeights(options.Ridge);
    }

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; }

    /// <summary>Sum of their normalised rewards.</summary>
    public double RewardSum { get; }

    /// <summary>Whether only the diagonal form is left.</summary>
    public bool Spilled { get; }

    /// <summary>Ids of the features of full blocks.</summary>
    public ReadOnlySpan<ulong> Ids => MemoryMarshal.Cast<byte, ulong>(_bytes.Span.Slice(HeaderBytes, 8 * _features));

    /// <summary>Full blocks.</summary>
    public IReadOnlyList<BlockView> Blocks => _blocks;

    /// <summary>Verifies bytes completely and opens them.</summary>
    /// <exception cref="SnapshotFormatException">They are not what <see cref="Write"/> writes; the message says why.</exception>
    public static LinearShard Parse(ReadOnlyMemory<byte> bytes, LinearOptions options) => new(bytes, options);

    /// <summary>Writes a state. Equal states write equal bytes.</summary>
    public static void Write(LinearState state, IBufferWriter<byte> output)
    {
        var weights = state.Diagonal.Slots.Length;
        var header = output.GetSpan(HeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header, state.Interactions);
        BinaryPrimitives.WriteDoubleLittleEndian(header[8..], state.RewardSum);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], state.Spilled ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], state.Features.Count);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], state.Blocks.Count);
        BinaryPrimitives.WriteInt32LittleEndian(header[28..], weights);
        output.Advance(HeaderBytes);
        Span<ulong> word = stackalloc ulong[2];
        for (var i = 0; i < state.Features.Count; i++)
        {
            word[0] = state.Features.Ids[i];
            output.Write(MemoryMarshal.AsBytes(word[..1]));
        }
        foreach (var block in state.Blocks)
        {
            word[0] = block.Key;
            word[1] = (ulong)block.Dimension;
            output.Write(MemoryMarshal.AsBytes(word));
            output.Write(MemoryMarshal.AsBytes(block.Gram));
            output.Write(MemoryMarshal.AsBytes(block.Moments));
        }
        output.Write(MemoryMarshal.AsBytes(state.Diagonal.Means));
        output.Write(MemoryMarshal.AsBytes(state.Diagonal.Precisions));
        output.Write(MemoryMarshal.AsBytes(state.Diagonal.Slots));
    }

    /// <summary>Σ x·xᵀ of a block, packed lower triangle by rows.</summary>
    public ReadOnlySpan<double> Gram(BlockView block) =>
        MemoryMarshal.Cast<byte, double>(_bytes.Span.Slice(block.Start, 8 * PackedLower.Length(block.Dimension)));

    /// <summary>Σ r·x of a block.</summary>
    public ReadOnlySpan<double> Moments(BlockView block) =>
        MemoryMarshal.Cast<byte, double>(_bytes.Span.Slice(block.Start + 8 * PackedLower.Length(block.Dimension), 8 * block.Dimension));

    /// <summary>Adds this shard to a state: as it is when the state is new, merged otherwise.</summary>
    public void AddTo(LinearState state)
    {
        AddTotalsTo(state);
        AddWeightsTo(state);
        if (Spilled)
            state.Spill();
        if (!state.Spilled)
            AddBlocksTo(state);
    }

    /// <summary>Adds the counts.</summary>
    public void AddTotalsTo(LinearState state)
    {
        state.Interactions += Interactions;
        state.RewardSum += RewardSum;
    }

    /// <summary>Adds the full blocks.</summary>
    public void AddBlocksTo(LinearState state)
    {
        var map = new int[_features];
        for (var i = 0; i < map.Length; i++)
            map[i] = state.Features.Add(Ids[i]);
        foreach (var view in _blocks)
        {
            var block = state.Block(view.Key);
            block.Grow(TensorPrimitives.Max<int>(map.AsSpan(0, view.Dimension)) + 1);
            block.Add(Gram(view), Moments(view), map);
        }
    }

    /// <summary>Adds the diagonal form.</summary>
    public void AddWeightsTo(LinearState state)
    {
        var means = Weights(0);
        var precisions = Weights(1);
        var slots = Slots;
        for (var i = 0; i < slots.Length; i++)
            state.Diagonal.Merge(slots[i], means[i], precisions[i]);
    }

    private ReadOnlySpan<int> Slots => MemoryMarshal.Cast<byte, int>(_bytes.Span.Slice(_weightsAt + 16 * _weights, 4 * _weights));

    private ReadOnlySpan<double> Weights(int which) =>
        MemoryMarshal.Cast<byte, double>(_bytes.Span.Slice(_weightsAt + 8 * _weights * which, 8 * _weights));

    private int ReadBlocks(int blocks, int at, LinearOptions options)
    {
        var span = _bytes.Span;
        var keys = new HashSet<ulong>();
        for (var i = 0; i < blocks; i++)
        {
            Require(span.Length - at >= 16, "it ends before its last block");
            var dimension = BinaryPrimitives.ReadInt64LittleEndian(span[(at + 8)..]);
            Require(dimension >= 1 && dimension <= _features, "a block is larger than the features known");
            var block = new BlockView(BinaryPrimitives.ReadUInt64LittleEndian(span[at..]), (int)dimension, at + 16);
            Require(keys.Add(block.Key), "two blocks have one key");
            var doubles = PackedLower.Length(block.Dimension) + block.Dimension;
            Require((span.Length - block.Start) / 8 >= doubles, "it ends within a block");
            Require(TensorPrimitives.IsFiniteAll(MemoryMarshal.Cast<byte, double>(span.Slice(block.Start, 8 * doubles))), "a sum is not finite");
            _blocks.Add(block);
            at = block.Start + 8 * doubles;
        }
        return at;
    }

    private void VerifyIds()
    {
        var ids = Ids;
        Require(ids.Length == 0 || ids[0] == LinearFeatures.Bias, "its first feature is not the bias");
        var seen = new HashSet<ulong>(ids.Length);
        foreach (var id in ids)
            Require(seen.Add(id), "two features have one id");
    }

    private void VerifyWeights(double ridge)
    {
        // Of no numbers at all, TensorPrimitives does not say that they are finite.
        Require(_weights == 0 || (TensorPrimitives.IsFiniteAll(Weights(0)) && TensorPrimitives.IsFiniteAll(Weights(1))), "a weight is not finite");
        Require(_weights == 0 || TensorPrimitives.Min(Weights(1)) >= ridge, "a precision is below the prior's");
        var seen = new HashSet<int>(_weights);
        foreach (var slot in Slots)
            Require(slot >= 0 && slot < 1 << LinearOptions.WeightBits && seen.Add(slot), "a slot is out of range or occurs twice");
    }

    private static void Require(bool holds, string problem)
    {
        if (!holds)
            throw new SnapshotFormatException($"Linear state is damaged: {problem}.");
    }
}
