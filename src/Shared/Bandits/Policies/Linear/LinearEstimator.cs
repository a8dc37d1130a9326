using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// The frozen linear model: mean and width √(xᵀA⁻¹x) per candidate, from full blocks or from diagonal weights. An action that was never seen is
/// expected to earn the mean reward of all actions, with the widest width: neither avoided nor preferred by its mean, and found by every explorer.
/// </summary>
public sealed class LinearEstimator : IRewardEstimator
{
    private readonly LinearOptions _options;
    private readonly FeatureIndex _features;
    private readonly Dictionary<ulong, SolvedBlock> _blocks = [];
    private readonly DiagonalWeights? _diagonal;
    private readonly double _centre;

    private LinearEstimator(LinearOptions options, FeatureIndex features, DiagonalWeights? diagonal, double centre)
    {
        _options = options;
        _features = features;
        _diagonal = diagonal;
        _centre = centre;
    }

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <summary>Interactions learned from are counted by the caller; this merges what they taught.</summary>
    /// <param name="options">The configuration that trained the shards.</param>
    /// <param name="shards">In the order of their partitions.</param>
    /// <param name="previous">An estimator of the same configuration from which unchanged blocks are shared, or null.</param>
    internal static LinearEstimator Assemble(LinearOptions options, IReadOnlyList<LinearShard> shards, LinearEstimator? previous)
    {
        var state = new LinearState(options);
        foreach (var shard in shards)
            shard.AddTotalsTo(state);
        if (shards.Any(static shard => shard.Spilled))
            state.Spill();
        if (!state.Spilled && shards.Count == 1)
            return AssembleOne(options, shards[0], state.Centre, previous);
        if (!state.Spilled)
        {
            foreach (var shard in shards)
                shard.AddBlocksTo(state);
        }
        if (state.Spilled || state.SpillWhenTooLarge())
        {
            foreach (var shard in shards)
                shard.AddWeightsTo(state);
            return new LinearEstimator(options, state.Features, state.Diagonal, state.Centre);
        }
        var estimator = new LinearEstimator(options, state.Features, diagonal: null, state.Centre);
        var same = previous is null ? 0 : estimator._features.CommonPrefix(previous._features);
        foreach (var block in state.Blocks)
            estimator.AddBlock(block.Key, block.Gram, block.Moments, previous, same);
        return estimator;
    }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var contextMax = LinearFeatures.LengthMax(query.Context);
        var actionMax = 0;
        foreach (ref readonly var candidate in query.Candidates)
            actionMax = Math.Max(actionMax, LinearFeatures.LengthMax(candidate.Features));
        var pairMax = LinearFeatures.PairLengthMax(contextMax, actionMax);
        var rented = ArrayPool<LinearFeature>.Shared.Rent(contextMax + actionMax + pairMax);
        var context = rented.AsSpan(0, contextMax);
        context = context[..LinearFeatures.Context(query.Context, _options.Features, context)];
        var action = rented.AsSpan(contextMax, actionMax);
        var pair = rented.AsSpan(contextMax + actionMax, pairMax);
        if (_diagonal is not null)
            EstimateDiagonal(query.Candidates, context, action, pair, means, widths);
        else
            EstimateFull(query.Candidates, context, action, pair, means, widths);
        ArrayPool<LinearFeature>.Shared.Return(rented);
    }

    /// <summary>One partition is the common case, and its sums are solved where they lie.</summary>
    private static LinearEstimator AssembleOne(LinearOptions options, LinearShard shard, double centre, LinearEstimator? previous)
    {
        var features = new FeatureIndex();
        foreach (var id in shard.Ids)
            features.Add(id);
        var estimator = new LinearEstimator(options, features, diagonal: null, centre);
        var same = previous is null ? 0 : features.CommonPrefix(previous._features);
        foreach (var block in shard.Blocks)
            estimator.AddBlock(block.Key, shard.Gram(block), shard.Moments(block), previous, same);
        return estimator;
    }

    private void AddBlock(ulong key, ReadOnlySpan<double> gram, ReadOnlySpan<double> moments, LinearEstimator? previous, int sameFeatures)
    {
        var digest = SolvedBlock.DigestOf(gram, moments);
        var shared = previous is not null
            && previous._blocks.TryGetValue(key, out var old)
            && old.Dimension == moments.Length
            && old.Dimension <= sameFeatures
            && old.Digest == digest
            ? old
            : null;
        _blocks.Add(key, shared ?? SolvedBlock.Solve(digest, gram, moments, _options.Ridge));
    }

    private void EstimateDiagonal(
        ReadOnlySpan<Candidate> candidates,
        ReadOnlySpan<LinearFeature> context,
        Span<LinearFeature> action,
        Span<LinearFeature> pair,
        Span<float> means,
        Span<float> widths)
    {
        for (var k = 0; k < candidates.Length; k++)
        {
            ref readonly var candidate = ref candidates[k];
            var described = action[..LinearFeatures.Action(candidate.Features, _options.Features, action)];
            var length = LinearFeatures.TablePair(_options.DiagonalScope, candidate.Key, context, described, pair);
            var (mean, variance) = _diagonal!.Predict(pair[..length]);
            means[k] = StableMath.ClipEstimate(mean);
            widths[k] = StableMath.Root(variance);
        }
    }

    private void EstimateFull(
        ReadOnlySpan<Candidate> candidates,
        ReadOnlySpan<LinearFeature> context,
        Span<LinearFeature> action,
        Span<LinearFeature> pair,
        Span<float> means,
        Span<float> widths)
    {
        // At most 1024 features (LinearOptions), so at most 9 KiB of stack.
        Span<float> values = stackalloc float[_features.Count];
        Span<int> indices = stackalloc int[_features.Count];
        Span<bool> present = stackalloc bool[_features.Count];
        var count = 0;
        double unseen = 0;
        for (var k = 0; k < candidates.Length; k++)
        {
            ref readonly var candidate = ref candidates[k];
            var perAction = _options.FullScope == LinearScope.PerAction;
            if (k == 0 || !perAction)
            {
                var described = action[..LinearFeatures.Action(candidate.Features, _options.Features, action)];
                var length = LinearFeatures.Pair(_options.FullScope, candidate.Key, context, described, pair);
                (count, unseen) = Scatter(pair[..length], values, indices, present);
            }
            double mean, variance;
            if (_blocks.TryGetValue(perAction ? candidate.Key.Value : 0, out var block))
                (mean, variance) = block.Predict(indices[..count], values, _centre, _options.Ridge);
            else
                (mean, variance) = (_centre, SquaredNorm(indices[..count], values) / _options.Ridge);
            means[k] = StableMath.ClipEstimate(mean);
            widths[k] = StableMath.Root(variance + unseen / _options.Ridge);
        }
    }

    /// <summary>Lays inputs out by feature number; repeated ids add.</summary>
    /// <returns>How many numbers occur, and the squared norm of the inputs that have no number because nobody has seen them.</returns>
    private (int Count, double Unseen) Scatter(ReadOnlySpan<LinearFeature> inputs, Span<float> values, Span<int> indices, Span<bool> present)
    {
        values.Clear();
        present.Clear();
        var count = 0;
        double unseen = 0;
        foreach (var input in inputs)
        {
            var number = _features.Find(input.Id);
            if (number < 0)
            {
                unseen += (double)input.Value * input.Value;
                continue;
            }
            values[number] += input.Value;
            if (present[number])
                continue;
            present[number] = true;
            indices[count++] = number;
        }
        return (count, unseen);
    }

    private static double SquaredNorm(ReadOnlySpan<int> indices, ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (var index in indices)
            sum += (double)values[index] * values[index];
        return sum;
    }
}
