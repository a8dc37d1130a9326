using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>One of several that estimate the same and are averaged.</summary>
internal interface IFrozenMember
{
    /// <summary>Adds this member's expectations to sums.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">Length K: expected normalised rewards are added.</param>
    /// <param name="variances">Length K: squared widths are added; unchanged without.</param>
    void AddTo(in EncodedQuery query, Span<float> means, Span<float> variances);
}

/// <summary>The networks of one partition, or what stands on them, as they serve.</summary>
/// <typeparam name="TMember">What is averaged.</typeparam>
/// <param name="inputs">What they share.</param>
/// <param name="members">At least one; none when nothing was learned.</param>
/// <param name="interactions">Interactions learned.</param>
/// <param name="since">Interactions since the world last moved.</param>
internal sealed class FrozenEnsemble<TMember>(FrozenInputs inputs, TMember[] members, long interactions, long since) : IFrozenPartition
    where TMember : IFrozenMember
{
    /// <inheritdoc/>
    public long Interactions { get; } = interactions;

    /// <summary>Interactions since the world last moved.</summary>
    public long Since { get; } = since;

    /// <summary>What is averaged.</summary>
    public TMember[] Members { get; } = members;

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
