using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>What the networks of an ensemble have in common: how inputs are scaled, and which hashed inputs and actions have a number.</summary>
internal sealed class InputTable(NeuralOptions options)
{
    private readonly Dictionary<ulong, int> _rowOf = [];
    private readonly Dictionary<ulong, int> _headOf = [];
    private readonly List<double> _rowDeviations = [];

    /// <summary>How dense inputs are scaled.</summary>
    public FeatureScaler Scaler { get; } = new(options.Dense);

    /// <summary>Ids of the hashed inputs, in the order in which they were first seen.</summary>
    public List<ulong> RowIds { get; } = [];

    /// <summary>The actions, in the order in which they were first seen.</summary>
    public List<ulong> HeadKeys { get; } = [];

    /// <summary>Inputs that came when there was no room for weights of theirs.</summary>
    public long Refused { get; set; }

    /// <summary>Standard deviation of the initial weights of a hashed input.</summary>
    public double DeviationOf(int row) => _rowDeviations[row];

    /// <summary>Makes an example of an interaction, with numbers for whatever is new in it.</summary>
    /// <param name="interaction">Vectors as long as the schema says.</param>
    public Example Encode(Interaction interaction)
    {
        var dense = new float[options.Dense];
        interaction.Context.Dense.Span.CopyTo(dense);
        interaction.ActionFeatures.Dense.Span.CopyTo(dense.AsSpan(interaction.Context.Dense.Length));
        var context = interaction.Context.Sparse.Span;
        var action = interaction.ActionFeatures.Sparse.Span;
        var rows = new List<int>(context.Length + action.Length);
        var values = new List<float>(context.Length + action.Length);
        var active = options.Dense + context.Length + action.Length;
        foreach (var feature in context)
            AddInput(NetworkInputs.ContextId(feature.Hash, options.Features), feature.Value, active, rows, values);
        foreach (var feature in action)
            AddInput(NetworkInputs.ActionId(feature.Hash, options.Features), feature.Value, active, rows, values);
        return new Example(dense, [.. rows], [.. values], Head(interaction.Action.Value), (float)options.Reward.Normalize(interaction.Reward));
    }

    /// <summary>Numbers a hashed input, as a checkpoint has it; its weights come from there too.</summary>
    /// <returns>False when it has a number.</returns>
    public bool TryRestoreRow(ulong id) => _rowOf.TryAdd(id, RowIds.Count) && Append(RowIds, id) && Append(_rowDeviations, 0);

    /// <summary>Numbers an action, as a checkpoint has it.</summary>
    /// <returns>False when it has a number.</returns>
    public bool TryRestoreHead(ulong key) => _headOf.TryAdd(key, HeadKeys.Count) && Append(HeadKeys, key);

    private int Head(ulong key)
    {
        if (_headOf.TryGetValue(key, out var head))
            return head;
        return HeadKeys.Count < options.ActionsMax && TryRestoreHead(key) ? HeadKeys.Count - 1 : -1;
    }

    private void AddInput(ulong id, float value, int active, List<int> rows, List<float> values)
    {
        value = NetworkInputs.Value(value);
        if (value == 0)
            return;
        if (!_rowOf.TryGetValue(id, out var row))
        {
            if (RowIds.Count == options.HashedInputs)
            {
                Refused++;
                return;
            }
            row = RowIds.Count;
            TryRestoreRow(id);
            // So many inputs of about 1 give a sum of variance 1.
            _rowDeviations[row] = 1 / Math.Sqrt(active);
        }
        rows.Add(row);
        values.Add(value);
    }

    private static bool Append<T>(List<T> list, T item)
    {
        list.Add(item);
        return true;
    }
}
