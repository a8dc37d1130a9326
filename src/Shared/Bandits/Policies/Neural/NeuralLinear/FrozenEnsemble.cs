using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>The heads of one partition as they serve, on each of its networks.</summary>
/// <param name="inputs">What the networks share.</param>
/// <param name="members">At least one.</param>
/// <param name="interactions">Interactions learned.</param>
internal sealed class FrozenEnsemble(FrozenInputs inputs, FrozenHeads[] members, long interactions) : IFrozenPartition
{
    /// <inheritdoc/>
    public long Interactions { get; } = interactions;

    /// <summary>What is averaged.</summary>
    public FrozenHeads[] Members { get; } = members;

    /// <summary>The mean of what the members expect and of their squared widths; they saw the same, so being several makes them no surer.</summary>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances)
    {
        means.Clear();
        variances.Clear();
        var encoded = new EncodedQuery(query, inputs);
        foreach (var member in Members)
            member.AddTo(encoded, means, variances);
        encoded.Return();
        TensorPrimitives.Multiply(means, 1f / Members.Length, means);
        TensorPrimitives.Multiply(variances, 1f / Members.Length, variances);
    }
}
