using System.Buffers;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>Sums of ridge regressions over one partition: one block per action, or one for all.</summary>
public sealed class LinearTrainer(PolicySpec spec, LinearDesign design) : IPolicyTrainer
{
    /// <summary>Most actions with parameters of their own; beyond it new actions keep the prior. Parameters of that many are tens of megabytes already.</summary>
    public const int BlocksMax = 10_000;

    private SortedDictionary<ulong, LinearBlock> _blocks = [];

    /// <inheritdoc/>
    public long Interactions { get; private set; }

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            var key = design.Shared ? 0 : interaction.Action.Value;
            if (!_blocks.TryGetValue(key, out var block))
            {
                if (_blocks.Count >= BlocksMax)
                    continue;
                _blocks.Add(key, block = new LinearBlock(design));
            }
            block.Add(interaction, spec.Reward.Normalize(interaction.Reward));
        }
        Interactions += batch.Length;
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var span = output.GetSpan(12);
        var interactions = Interactions;
        var blocks = _blocks.Count;
        MemoryMarshal.Write(span, in interactions);
        MemoryMarshal.Write(span[8..], in blocks);
        output.Advance(12);
        foreach (var (key, block) in _blocks)
        {
            MemoryMarshal.Write(output.GetSpan(8), in key);
            output.Advance(8);
            block.Write(output);
        }
    }

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => WriteParameters(output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var (interactions, blocks) = Read(design, input);
        (Interactions, _blocks) = (interactions, blocks);
    }

    internal static (long Interactions, SortedDictionary<ulong, LinearBlock> Blocks) Read(LinearDesign design, ReadOnlySpan<byte> input)
    {
        if (input.Length < 12)
            throw new SnapshotFormatException("Linear parameters are cut short.");
        var interactions = MemoryMarshal.Read<long>(input);
        var count = MemoryMarshal.Read<int>(input[8..]);
        input = input[12..];
        if (interactions < 0 || count < 0 || count > BlocksMax)
            throw new SnapshotFormatException($"Linear parameters promise {count} blocks after {interactions} interactions.");
        var blocks = new SortedDictionary<ulong, LinearBlock>();
        for (var i = 0; i < count; i++)
        {
            if (input.Length < 8)
                throw new SnapshotFormatException("Linear parameters are cut short.");
            var key = MemoryMarshal.Read<ulong>(input);
            input = input[8..];
            if (!blocks.TryAdd(key, LinearBlock.Read(design, ref input)))
                throw new SnapshotFormatException("Linear parameters name an action twice.");
        }
        return input.IsEmpty ? (interactions, blocks) : throw new SnapshotFormatException($"Linear parameters go on for {input.Length} bytes after their end.");
    }
}
