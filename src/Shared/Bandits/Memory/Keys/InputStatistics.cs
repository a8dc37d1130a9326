using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory.Keys;

/// <summary>What <see cref="InputKeys"/> are made of, while it is learned. Owned by one thread.</summary>
internal sealed class InputStatistics(FeatureSchema schema)
{
    private readonly FeatureScaler _scaler = new(schema.ContextVector + schema.ActionVector);
    private readonly float[] _dense = new float[schema.ContextVector + schema.ActionVector];
    private readonly float[] _places = new float[InputKeys.HashedPlaces];
    private readonly double[] _sums = new double[InputKeys.HashedPlaces];

    /// <summary>Takes an interaction into account.</summary>
    public void Observe(Interaction interaction)
    {
        interaction.Context.Dense.Span.CopyTo(_dense);
        interaction.ActionFeatures.Dense.Span.CopyTo(_dense.AsSpan(schema.ContextVector));
        _scaler.Observe(_dense);
        _places.AsSpan().Clear();
        InputKeys.AddHashed(interaction.Context.Sparse.Span, schema, isAction: false, _places);
        InputKeys.AddHashed(interaction.ActionFeatures.Sparse.Span, schema, isAction: true, _places);
        for (var i = 0; i < _sums.Length; i++)
            _sums[i] += _places[i];
    }

    /// <summary>Writes keys as they stand.</summary>
    public void WriteKeys(StateWriter writer, KeySpace space)
    {
        for (var i = 0; i < _sums.Length; i++)
            _places[i] = (float)(_sums[i] / Math.Max(1, _scaler.Count));
        InputKeys.Write(writer, space, _scaler.Shift, _scaler.Scale, _places);
    }

    /// <summary>Writes all of it.</summary>
    public void Write(StateWriter writer)
    {
        writer.Write(_scaler.Count);
        writer.Write<double>(_scaler.State);
        writer.Write<double>(_sums);
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static InputStatistics Read(ref StateReader reader, FeatureSchema schema)
    {
        var statistics = new InputStatistics(schema);
        var scaler = statistics._scaler;
        scaler.Count = reader.Long(0, long.MaxValue);
        reader.Array<double>(scaler.State.Length).CopyTo(scaler.State, 0);
        reader.Require(scaler.IsValid, "inputs cannot have led to its scales");
        var sums = reader.Array<double>(statistics._sums.Length);
        foreach (var sum in sums)
            reader.Require(double.IsFinite(sum), "a sum is not finite");
        sums.CopyTo(statistics._sums, 0);
        scaler.Refresh();
        return statistics;
    }
}
