using System.Buffers;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Policies.Linear;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// The heads on one network as they serve. With h the features of the head trunk and Â = Σ h·hᵀ + λI of the action: mean
/// w₀·h + hᵀÂ⁻¹(b − Σ h·hᵀ·w₀), squared width hᵀÂ⁻¹h. The prior mean w₀ is the mean reward of all actions in the constant and 0 elsewhere;
/// where actions share what they have in common, it is the regression over all of them, around that mean. An action without interactions
/// has the prior's mean and width.
/// </summary>
/// <remarks>
/// The width is that of noise with variance 1, as it is for the linear kinds, and the explorer's factor is the standard deviation of the
/// noise. The paper's inverse gamma prior (a₀ = b₀ = 6) expects about 1 as well, until an action has been seen often; an estimate from a few
/// rewards that happen to be equal would be 0, and the action never tried again.
/// </remarks>
internal sealed class FrozenHeads
{
    /// <summary>Imaginary interactions of reward ½ in the mean reward.</summary>
    private const double PriorInteractions = 10, PriorReward = 0.5;

    private readonly NeuralLinearOptions _options;
    private readonly FrozenLayer _trunk;
    private readonly SolvedBlock?[] _own;
    private readonly SolvedBlock? _others;
    private readonly double _centre;
    private readonly double[]? _common;

    /// <summary>Solves what is not solved in <paramref name="previous"/>.</summary>
    /// <param name="options">Shapes and λ.</param>
    /// <param name="trunk">Makes the features.</param>
    /// <param name="sums">By the numbers of the actions.</param>
    /// <param name="previous">Of the same configuration, or null.</param>
    public FrozenHeads(NeuralLinearOptions options, HeadTrunk trunk, HeadSums sums, FrozenHeads? previous)
    {
        _options = options;
        _trunk = new FrozenLayer(options.Trunk.Hidden, trunk.Layer, trunk.Bias, trunk.Rows);
        var total = sums.Others.Gram[0] + sums.Own.Sum(static block => block.Gram[0]);
        var rewards = sums.Others.Moments[0] + sums.Own.Sum(static block => block.Moments[0]);
        _centre = (rewards + PriorInteractions * PriorReward) / (total + PriorInteractions);
        if (sums.All is { } all)
            _common = SolvedBlock.Solve(default, all.Gram, all.Moments, options.Ridge).Weights(_centre);
        _own = [.. sums.Own.Select(block => Solve(block, previous?.Solved.GetValueOrDefault(block.Key)))];
        for (var i = 0; i < _own.Length; i++)
        {
            if (_own[i] is { } block)
                Solved.Add(sums.Own[i].Key, block);
        }
        _others = Solve(sums.Others, previous?._others);
    }

    /// <summary>Regressions by action, which a successor may share.</summary>
    public Dictionary<ulong, SolvedBlock> Solved { get; } = [];

    /// <summary>Adds this member's expectations to sums.</summary>
    /// <param name="encoded">K candidates.</param>
    /// <param name="means">Length K: expected normalised rewards are added.</param>
    /// <param name="variances">Length K: squared widths are added.</param>
    public void AddTo(in EncodedQuery encoded, Span<float> means, Span<float> variances)
    {
        var units = _options.Trunk.Hidden;
        var lines = Math.Max(1, encoded.Lines);
        var rented = ArrayPool<float>.Shared.Rent((1 + lines) * units);
        var hidden = rented.AsSpan(0, lines * units);
        _trunk.Forward(encoded, rented.AsSpan(lines * units, units), hidden);
        // At most 129 features (NeuralLinearOptions).
        Span<float> features = stackalloc float[_options.Dimension];
        Span<int> indices = stackalloc int[_options.Dimension];
        var count = 0;
        for (var k = 0; k < encoded.Candidates; k++)
        {
            if (k == 0 || encoded.HasActions)
                count = HeadFeatures.Write(hidden.Slice(encoded.HasActions ? k * units : 0, units), features, indices);
            var head = encoded.Heads[k];
            var (mean, variance) = Predict(head < 0 ? _others : _own[head], indices[..count], features);
            means[k] += StableMath.ClipEstimate(mean);
            variances[k] += (float)variance;
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Solves sums; null when they are of no interactions.</summary>
    private SolvedBlock? Solve(RidgeSums sums, SolvedBlock? old)
    {
        if (sums.Gram[0] == 0)
            return null;
        // With moments b + λ·w₀ plain ridge regression has the prior mean w₀.
        var moments = sums.Moments.ToArray();
        for (var i = 0; i < _common?.Length; i++)
            moments[i] += _options.Ridge * _common[i];
        var digest = SolvedBlock.DigestOf(sums.Gram, moments);
        return old is not null && old.Digest == digest ? old : SolvedBlock.Solve(digest, sums.Gram, moments, _options.Ridge);
    }

    private (double Mean, double Variance) Predict(SolvedBlock? block, ReadOnlySpan<int> indices, ReadOnlySpan<float> features)
    {
        if (block is not null)
            return block.Predict(indices, features, _common is null ? _centre : 0, _options.Ridge);
        double mean = _common is null ? _centre : 0, squared = 0;
        foreach (var i in indices)
        {
            squared += (double)features[i] * features[i];
            mean += _common is null ? 0 : _common[i] * features[i];
        }
        return (mean, squared / _options.Ridge);
    }
}
