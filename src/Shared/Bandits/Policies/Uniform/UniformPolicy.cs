using System.Buffers;
using System.Buffers.Binary;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Uniform;

/// <summary>Chooses uniformly: the baseline, the cold start and the fallback. Its estimate is the mean reward seen so far.</summary>
/// <param name="descriptor">Who decides.</param>
/// <param name="meanReward">The estimate of every action, in the experiment's own units; the middle of the range before any reward.</param>
public sealed class UniformPolicy(PolicyDescriptor descriptor, float meanReward) : IPolicy
{
    /// <inheritdoc/>
    public PolicyDescriptor Descriptor { get; } = descriptor;

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        means[..query.Candidates.Length].Fill(meanReward);
        widths[..query.Candidates.Length].Clear();
    }

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
        default(UniformExplorer).Distribute(means, widths, propensities);
}

/// <summary>Counts interactions and adds up their normalised rewards, in fixed point so that the order of partitions does not matter.</summary>
/// <param name="reward">The values that rewards can take.</param>
public sealed class UniformTrainer(RewardRange reward) : IPolicyTrainer
{
    internal const int ParameterBytes = 16;

    /// <summary>Units of fixed point; leaves room for 2⁴³ interactions.</summary>
    private const double Scale = 1 << 20;
    private const long InteractionsMax = (1L << 43) - 1;
    private long _rewardSum;

    /// <inheritdoc/>
    public long Interactions { get; private set; }

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
            _rewardSum += (long)Math.Round(reward.Normalize(interaction.Reward) * Scale);
        Interactions += batch.Length;
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output)
    {
        var span = output.GetSpan(ParameterBytes);
        BinaryPrimitives.WriteInt64LittleEndian(span, Interactions);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], _rewardSum);
        output.Advance(ParameterBytes);
    }

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => WriteParameters(output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input) => (Interactions, _rewardSum) = Read(input);

    internal static (long Interactions, long RewardSum) Read(ReadOnlySpan<byte> input)
    {
        if (input.Length != ParameterBytes)
            throw new SnapshotFormatException($"Uniform state takes {ParameterBytes} bytes, not {input.Length}.");
        var (interactions, sum) = (BinaryPrimitives.ReadInt64LittleEndian(input), BinaryPrimitives.ReadInt64LittleEndian(input[8..]));
        Check(interactions, sum);
        return (interactions, sum);
    }

    internal static void Check(long interactions, long rewardSum)
    {
        if (interactions is < 0 or > InteractionsMax || rewardSum < 0 || rewardSum > interactions << 20)
            throw new SnapshotFormatException($"{interactions} interactions cannot have a reward sum of {rewardSum} / 2^20.");
    }

    internal static double Mean(long interactions, long rewardSum) => interactions == 0 ? 0.5 : rewardSum / Scale / interactions;
}

/// <summary>The kind <c>uniform</c>.</summary>
public sealed class UniformKind : IPolicyKind
{
    /// <inheritdoc/>
    public string Name => "uniform";

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters => [];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new UniformTrainer(spec.Reward);

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        long interactions = 0, sum = 0;
        foreach (var shard in shards)
        {
            var (n, s) = UniformTrainer.Read(shard.Parameters.Span);
            interactions += n;
            sum += s;
            UniformTrainer.Check(interactions, sum);
        }
        var descriptor = new PolicyDescriptor(Name, spec.Fingerprint, interactions);
        return new UniformPolicy(descriptor, (float)spec.Reward.Denormalize(UniformTrainer.Mean(interactions, sum)));
    }
}
