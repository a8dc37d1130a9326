using Recsys.Bandits.Features;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// Which columns a block of linear parameters has. The first are fixed by the schema: bias, context vector and, when parameters are shared by all actions, action
/// vector and the element-wise product of the two where they have one length. Hashed features get columns as they are first seen.
/// </summary>
/// <param name="Shared">Whether all actions share one block, which then sees action features.</param>
/// <param name="Schema">Shapes and hash bits.</param>
public sealed record LinearDesign(bool Shared, FeatureSchema Schema)
{
    /// <summary>Most columns of a block. A block costs columns² numbers to keep and columns³/3 operations to solve; hashed features beyond it are not learned.</summary>
    public const int ColumnsMax = 192;

    /// <summary>Columns that every block has.</summary>
    public int Fixed { get; } = 1 + Schema.ContextVector
        + (Shared ? Schema.ActionVector + (Schema.ContextVector == Schema.ActionVector ? Schema.ActionVector : 0) : 0);

    /// <summary>Writes the fixed columns.</summary>
    /// <param name="context">Context features.</param>
    /// <param name="action">Action features.</param>
    /// <param name="x">At least <see cref="Fixed"/> long.</param>
    public void Fill(FeatureSet context, FeatureSet action, Span<double> x)
    {
        x[0] = 1;
        var at = 1;
        var c = context.Dense.Span;
        for (var i = 0; i < c.Length; i++)
            x[at++] = c[i];
        if (!Shared)
            return;
        var a = action.Dense.Span;
        for (var i = 0; i < a.Length; i++)
            x[at++] = a[i];
        for (var i = 0; i < a.Length && c.Length == a.Length; i++)
            x[at++] = c[i] * a[i];
    }

    /// <summary>Column key of a hashed context feature.</summary>
    public ulong ContextKey(uint hash) => hash & Mask(Schema.ContextHashBits);

    /// <summary>Column key of a hashed action feature.</summary>
    public ulong ActionKey(uint hash) => 1UL << 32 | (hash & Mask(Schema.ActionHashBits));

    /// <summary>Column key of a context feature together with an action feature.</summary>
    public ulong CrossKey(uint context, uint action) =>
        1UL << 63 | (ulong)(context & Mask(Schema.ContextHashBits)) << 24 | (action & Mask(Schema.ActionHashBits));

    private static uint Mask(int bits) => (1u << bits) - 1;
}
