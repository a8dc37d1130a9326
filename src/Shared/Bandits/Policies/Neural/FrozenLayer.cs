using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The sums that go into hidden units, b + W·x + Σ v·W_i: once for the context, then for every candidate what its action adds. With variances in the place of weights, and
/// squares in the place of inputs, it gives the variances of these sums.
/// </summary>
/// <param name="units">H, a multiple of 16.</param>
/// <param name="weights">W of the dense inputs, [input][unit].</param>
/// <param name="bias">b, [unit].</param>
/// <param name="rows">W of the hashed inputs, [row][unit].</param>
internal sealed class FrozenLayer(int units, float[] weights, float[] bias, float[] rows)
{
    /// <summary>Computes them.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="context">Length H, written: the context's part.</param>
    /// <param name="sums">Shape [L, H], written; L = K where actions have inputs, else 1.</param>
    public void Fill(in EncodedQuery query, Span<float> context, Span<float> sums)
    {
        bias.CopyTo(context);
        var split = query.ContextLength * units;
        DenseKernels.MultiplyAdd(query.Context, query.ContextLength, 1, 1, query.ContextLength, weights.AsSpan(0, split), units, context);
        AddHashed(query, 0, context);
        for (var line = 0; line * units < sums.Length; line++)
            context.CopyTo(sums[(line * units)..]);
        if (!query.HasActions)
            return;
        DenseKernels.MultiplyAdd(query.Actions, query.ActionLength, 1, query.Lines, query.ActionLength, weights.AsSpan(split), units, sums);
        for (var k = 0; k < query.Lines; k++)
            AddHashed(query, 1 + k, sums.Slice(k * units, units));
    }

    private void AddHashed(in EncodedQuery query, int line, Span<float> sums)
    {
        var numbers = query.Rows(line);
        if (!numbers.IsEmpty)
            DenseKernels.AddRows(query.Values(line), numbers, rows, units, sums);
    }
}
