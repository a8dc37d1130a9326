using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The frozen half of <see cref="InputTable"/>.</summary>
internal sealed class FrozenInputs(NeuralOptions options, float[] shift, float[] scale, Dictionary<ulong, int> rows, Dictionary<ulong, int> heads)
{
    /// <summary>Shapes.</summary>
    public NeuralOptions Options { get; } = options;

    /// <summary>Hashed inputs with weights.</summary>
    public int Rows => rows.Count;

    /// <summary>Actions with weights.</summary>
    public int Heads => heads.Count;

    /// <summary>Scales dense inputs.</summary>
    /// <param name="vector">Unscaled.</param>
    /// <param name="start">Number of the first among all dense inputs.</param>
    /// <param name="scaled">As long, written.</param>
    public void Scale(ReadOnlySpan<float> vector, int start, Span<float> scaled) =>
        FeatureScaler.Apply(vector, shift.AsSpan(start, vector.Length), scale.AsSpan(start, vector.Length), scaled);

    /// <summary>Number of a hashed input, −1 when it was never seen.</summary>
    public int RowOf(uint hash, bool isAction)
    {
        var id = isAction ? NetworkInputs.ActionId(hash, Options.Features) : NetworkInputs.ContextId(hash, Options.Features);
        return rows.TryGetValue(id, out var row) ? row : -1;
    }

    /// <summary>Number of an action, −1 when it was never seen.</summary>
    public int HeadOf(ActionKey key) => heads.TryGetValue(key.Value, out var head) ? head : -1;
}
