using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The way from the inputs to the hidden units, as it serves.</summary>
/// <param name="units">U, a multiple of 16: the hidden units of one network, or of several side by side.</param>
/// <param name="layer">W of the dense inputs, [input][unit].</param>
/// <param name="bias">b.</param>
/// <param name="rows">W of the hashed inputs, [row][unit].</param>
internal sealed class FrozenLayer(int units, float[] layer, float[] bias, float[] rows)
{
    /// <summary>U.</summary>
    public int Units { get; } = units;

    /// <summary>The hidden units: what the context makes of them is computed once, then for every action what it adds.</summary>
    /// <param name="query">Lines of actions, or none.</param>
    /// <param name="context">Length U, overwritten.</param>
    /// <param name="hidden">Length max(1, lines)·U, written.</param>
    public void Forward(in EncodedQuery query, Span<float> context, Span<float> hidden)
    {
        bias.CopyTo(context);
        var split = query.ContextLength * Units;
        DenseKernels.MultiplyAdd(query.Context, query.ContextLength, 1, 1, query.ContextLength, layer.AsSpan(0, split), Units, context);
        AddHashed(query, 0, context);
        for (var line = 0; line * Units < hidden.Length; line++)
            context.CopyTo(hidden[(line * Units)..]);
        if (query.HasActions)
        {
            DenseKernels.MultiplyAdd(query.Actions, query.ActionLength, 1, query.Lines, query.ActionLength, layer.AsSpan(split), Units, hidden);
            for (var k = 0; k < query.Lines; k++)
                AddHashed(query, 1 + k, hidden.Slice(k * Units, Units));
        }
        DenseKernels.Rectify(hidden);
    }

    private void AddHashed(in EncodedQuery query, int line, Span<float> sums)
    {
        var numbers = query.Rows(line);
        if (!numbers.IsEmpty)
            DenseKernels.AddRows(query.Values(line), numbers, rows, Units, sums);
    }
}
