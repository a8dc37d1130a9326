using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The networks of one partition as they serve.</summary>
/// <param name="inputs">What they share.</param>
/// <param name="networks">At least one; none when nothing was learned.</param>
/// <param name="interactions">Interactions learned.</param>
/// <param name="since">Interactions since the world last moved.</param>
internal sealed class FrozenEnsemble(FrozenInputs inputs, FrozenNetwork[] networks, long interactions, long since) : IFrozenPartition
{
    /// <inheritdoc/>
    public long Interactions { get; } = interactions;

    /// <summary>Interactions since the world last moved.</summary>
    public long Since { get; } = since;

    /// <summary>The mean of what the networks expect and of their squared widths; they saw the same, so being several makes them no surer.</summary>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances)
    {
        means.Clear();
        variances.Clear();
        var encoded = new EncodedQuery(query, inputs);
        foreach (var network in networks)
            network.AddTo(encoded, means, variances);
        encoded.Return();
        TensorPrimitives.Multiply(means, 1f / networks.Length, means);
        TensorPrimitives.Multiply(variances, 1f / networks.Length, variances);
    }
}
