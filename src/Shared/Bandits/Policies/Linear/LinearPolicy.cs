using System.Collections.Frozen;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>One solved ridge regression: θ = (λI + Σ x·xᵀ)⁻¹ Σ x·(r − ½), and the Cholesky factor for widths.</summary>
internal sealed class SolvedBlock
{
    private readonly LinearDesign _design;
    private readonly FrozenDictionary<ulong, int> _columnOf;
    private readonly double[] _factor;
    private readonly double[] _theta;

    public SolvedBlock(LinearDesign design, LinearBlock sums, double ridge, ulong stamp)
    {
        _design = design;
        Stamp = stamp;
        _columnOf = sums.Keys.Select((key, i) => KeyValuePair.Create(key, design.Fixed + i)).ToFrozenDictionary();
        _factor = sums.Gram.ToArray();
        for (var i = 0; i < sums.Columns; i++)
            _factor[PackedCholesky.Length(i) + i] += ridge;
        if (!PackedCholesky.Factor(_factor, sums.Columns))
            throw new SnapshotFormatException("Linear parameters are not positive definite.");
        _theta = sums.Moment.ToArray();
        PackedCholesky.Forward(_factor, _theta);
        PackedCholesky.Backward(_factor, _theta);
    }

    /// <summary>Hash of the sums it was solved from.</summary>
    public ulong Stamp { get; }

    /// <summary>Mean around ½ and the width sqrt(xᵀ(λI + Σ x·xᵀ)⁻¹x), eq. 4 and 5 of LinUCB (Li et al. 2010, arXiv 1003.0146).</summary>
    public (double Mean, double Width) Predict(FeatureSet context, FeatureSet action, bool width)
    {
        Span<double> x = stackalloc double[_theta.Length];
        x.Clear();
        _design.Fill(context, action, x);
        foreach (var feature in context.Sparse.Span)
            Add(_design.ContextKey(feature.Hash), feature.Value, x);
        if (_design.Shared)
        {
            foreach (var feature in action.Sparse.Span)
            {
                Add(_design.ActionKey(feature.Hash), feature.Value, x);
                foreach (var other in context.Sparse.Span)
                    Add(_design.CrossKey(other.Hash, feature.Hash), other.Value * feature.Value, x);
            }
        }
        var mean = TensorPrimitives.Dot<double>(x, _theta);
        if (!width)
            return (mean, 0);
        PackedCholesky.Forward(_factor, x);
        return (mean, TensorPrimitives.Norm<double>(x));
    }

    private void Add(ulong key, float value, Span<double> x)
    {
        if (_columnOf.TryGetValue(key, out var column))
            x[column] += value;
    }
}

/// <summary>Ridge regression per action or for all, with any explorer.</summary>
/// <typeparam name="TExplorer">The exploration rule.</typeparam>
internal sealed class LinearPolicy<TExplorer>(
    PolicyDescriptor descriptor, LinearDesign design, RewardRange reward, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks, TExplorer explorer) : IPolicy, ILinearBlocks
    where TExplorer : struct, IExplorer
{
    // What an action without parameters has: nothing known, so the whole prior width of its bias and context.
    private readonly SolvedBlock _prior = new(design, new LinearBlock(design), ridge, 0);

    public PolicyDescriptor Descriptor { get; } = descriptor;

    public FrozenDictionary<ulong, SolvedBlock> Blocks => blocks;

    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var scale = (float)(reward.Maximum - reward.Minimum);
        for (var i = 0; i < query.Candidates.Length; i++)
        {
            ref readonly var candidate = ref query.Candidates[i];
            var block = blocks.GetValueOrDefault(design.Shared ? 0 : candidate.Key.Value) ?? _prior;
            var (mean, width) = block.Predict(query.Context, candidate.Features, explorer.NeedsWidths);
            means[i] = (float)reward.Denormalize(Math.Clamp(0.5 + mean, -1, 2));
            widths[i] = (float)width * scale;
        }
    }

    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        // Exploration rules speak of rewards in [0, 1]; only differences matter to them, so one division is enough.
        var scale = (float)(reward.Maximum - reward.Minimum);
        if (scale == 1)
        {
            explorer.Distribute(means, widths, propensities);
            return;
        }
        const int OnStack = 512;
        var buffer = means.Length <= OnStack ? stackalloc float[2 * OnStack] : new float[2 * means.Length];
        var unitMeans = buffer[..means.Length];
        var unitWidths = buffer.Slice(buffer.Length / 2, means.Length);
        TensorPrimitives.Divide(means, scale, unitMeans);
        TensorPrimitives.Divide(widths[..means.Length], scale, unitWidths);
        explorer.Distribute(unitMeans, unitWidths, propensities);
    }
}

internal interface ILinearBlocks
{
    FrozenDictionary<ulong, SolvedBlock> Blocks { get; }
}

/// <summary>The kinds <c>lin-ucb</c>, <c>linear-square-cb</c> and <c>epsilon-greedy</c>: one estimator, three ways to explore.</summary>
public abstract class LinearKind : IPolicyKind
{
    private static readonly Hyperparameter[] Common =
    [
        new("ridge", "1", "λ of the ridge regression; larger trusts the prior (the middle of the reward range) longer.", 1e-6, 1e6),
        new("scope", "auto", "Parameters per action, shared by all actions, or (auto) shared when the schema has an action vector.", Choices: ["auto", "per-action", "shared"]),
    ];

    private readonly Hyperparameter[] _own;

    private protected LinearKind(string name, params Hyperparameter[] own) => (Name, _own) = (name, own);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters => [.. _own, .. Common];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new LinearTrainer(spec, Design(spec));

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(shards);
        var design = Design(spec);
        var ridge = spec.Parameters.Number("ridge");
        var before = previous?.Descriptor.Fingerprint == spec.Fingerprint ? (previous as ILinearBlocks)?.Blocks : null;
        long interactions = 0;
        var sums = new Dictionary<ulong, List<LinearBlock>>();
        foreach (var shard in shards.OrderBy(static s => s.Partition))
        {
            var (count, blocks) = LinearTrainer.Read(design, shard.Parameters.Span);
            interactions += count;
            foreach (var (key, block) in blocks)
                (CollectionsMarshal.GetValueRefOrAddDefault(sums, key, out _) ??= []).Add(block);
        }
        var solved = new Dictionary<ulong, SolvedBlock>();
        foreach (var (key, parts) in sums)
        {
            // Most publications change few blocks; those that did not change are shared with the policy before.
            var stamp = Stamp(parts);
            if (before?.GetValueOrDefault(key) is { } same && same.Stamp == stamp)
            {
                solved[key] = same;
                continue;
            }
            var total = parts[0];
            for (var i = 1; i < parts.Count; i++)
                total.Add(parts[i]);
            solved[key] = new SolvedBlock(design, total, ridge, stamp);
        }
        return Create(spec, new PolicyDescriptor(Name, spec.Fingerprint, interactions), design, ridge, solved.ToFrozenDictionary());
    }

    private protected abstract IPolicy Create(
        PolicySpec spec, PolicyDescriptor descriptor, LinearDesign design, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks);

    private protected static IPolicy Explore<T>(
        PolicySpec spec, PolicyDescriptor descriptor, LinearDesign design, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks, T explorer)
        where T : struct, IExplorer => new LinearPolicy<FlooredExplorer<T>>(
            descriptor, design, spec.Reward, ridge, blocks, new FlooredExplorer<T>(explorer, (float)spec.MinimumPropensity));

    private static LinearDesign Design(PolicySpec spec) => new(
        spec.Parameters.Choice("scope") switch { "shared" => true, "per-action" => false, _ => spec.Features.ActionVector > 0 }, spec.Features);

    private static ulong Stamp(List<LinearBlock> parts)
    {
        var hash = new XxHash3();
        foreach (var part in parts)
        {
            hash.Append(MemoryMarshal.AsBytes(part.Moment));
            hash.Append(MemoryMarshal.AsBytes(part.Gram));
        }
        return hash.GetCurrentHashAsUInt64();
    }
}

/// <summary>LinUCB (Li et al. 2010, arXiv 1003.0146, Algorithm 1), mixed with a small uniform floor.</summary>
public sealed class LinUcbKind() : LinearKind(
    "lin-ucb",
    new Hyperparameter("alpha", "0.3", "α: widths of optimism (eq. 5). Rewards have at most half a unit of noise, so values above 1 explore longer than needed.", 0, 100),
    new Hyperparameter("floor", "0.01", "Probability spread over all actions alike, so that every propensity is positive.", 0, 1))
{
    private protected override IPolicy Create(PolicySpec spec, PolicyDescriptor descriptor, LinearDesign design, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks) =>
        Explore(spec, descriptor, design, ridge, blocks, new OptimisticExplorer((float)spec.Parameters.Number("alpha"), (float)spec.Parameters.Number("floor")));
}

/// <summary>SquareCB (Foster and Rakhlin 2020, arXiv 2002.04926, Algorithm 1) over ridge regression.</summary>
public sealed class LinearSquareCbKind() : LinearKind(
    "linear-square-cb",
    new Hyperparameter("gammaScale", "10", "γ = gammaScale · n^gammaExponent after n interactions; larger is greedier.", 0, 1e9),
    new Hyperparameter("gammaExponent", "0.5", "Exponent of γ; 1/2 is the theory's (Theorem 2).", 0, 2))
{
    private protected override IPolicy Create(PolicySpec spec, PolicyDescriptor descriptor, LinearDesign design, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks) =>
        Explore(spec, descriptor, design, ridge, blocks, new SquareCbExplorer(
            GammaSchedule.At(descriptor.Version, spec.Parameters.Number("gammaScale"), spec.Parameters.Number("gammaExponent"))));
}

/// <summary>ε-greedy over ridge regression.</summary>
public sealed class EpsilonGreedyKind() : LinearKind(
    "epsilon-greedy", new Hyperparameter("epsilon", "0.1", "ε: share of decisions drawn uniformly.", 0, 1))
{
    private protected override IPolicy Create(PolicySpec spec, PolicyDescriptor descriptor, LinearDesign design, double ridge, FrozenDictionary<ulong, SolvedBlock> blocks) =>
        Explore(spec, descriptor, design, ridge, blocks, new EpsilonGreedyExplorer((float)spec.Parameters.Number("epsilon")));
}
