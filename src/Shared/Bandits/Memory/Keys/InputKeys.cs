using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory.Keys;

/// <summary>
/// The encoded input as a vector: dense numbers scaled as networks scale them, folded where there are many, and hashed features folded, less their mean. A candidate
/// without features has the context's vector.
/// </summary>
internal sealed class InputKeys : FrozenKeys
{
    /// <summary>Places of dense inputs; more are folded into so many.</summary>
    public const int DensePlaces = 128;

    /// <summary>Places of hashed features.</summary>
    public const int HashedPlaces = 64;

    private const ulong DenseSeed = 0xD15E, HashedSeed = 0x5BA5;
    private readonly FeatureSchema _schema;
    private readonly float[] _shift;
    private readonly float[] _scale;
    private readonly float[] _mean;

    private InputKeys(KeySpace space, FeatureSchema schema, float[] shift, float[] scale, float[] mean) : base(space, DimensionOf(schema)) =>
        (_schema, _shift, _scale, _mean) = (schema, shift, scale, mean);

    /// <summary>D.</summary>
    public static int DimensionOf(FeatureSchema schema) => Math.Min(DensePlaces, schema.ContextVector + schema.ActionVector) + HashedPlaces;

    /// <inheritdoc/>
    public override void Fill(in DecisionQuery query, Span<float> rows)
    {
        var context = rows[..Dimension];
        context.Clear();
        AddDense(query.Context.Dense.Span, 0, context);
        AddHashed(query.Context.Sparse.Span, _schema, isAction: false, context[^HashedPlaces..]);
        for (var i = 0; i < HashedPlaces; i++)
            context[Dimension - HashedPlaces + i] -= _mean[i];
        // From the last on, because the first is the context.
        for (var k = rows.Length / Dimension - 1; k >= 0; k--)
        {
            ref readonly var candidate = ref query.Candidates[k];
            var row = rows.Slice(k * Dimension, Dimension);
            if (k > 0)
                context.CopyTo(row);
            AddDense(candidate.Features.Dense.Span, _schema.ContextVector, row);
            AddHashed(candidate.Features.Sparse.Span, _schema, isAction: true, row[^HashedPlaces..]);
        }
    }

    /// <summary>Folds hashed features.</summary>
    public static void AddHashed(ReadOnlySpan<SparseFeature> features, FeatureSchema schema, bool isAction, Span<float> places)
    {
        foreach (var feature in features)
        {
            var id = isAction ? NetworkInputs.ActionId(feature.Hash, schema) : NetworkInputs.ContextId(feature.Hash, schema);
            FeatureFolding.Add(new ReadOnlySpan<ulong>(ref id), [NetworkInputs.Value(feature.Value)], HashedSeed, places);
        }
    }

    /// <summary>Writes keys.</summary>
    public static void Write(StateWriter writer, KeySpace space, ReadOnlySpan<float> shift, ReadOnlySpan<float> scale, ReadOnlySpan<float> mean)
    {
        writer.Write((long)space.Value);
        writer.Write(InputForm);
        writer.Write(shift);
        writer.Write(scale);
        writer.Write(mean);
    }

    /// <summary>Reads the rest of them.</summary>
    public static InputKeys Read(ref StateReader reader, PolicySpec spec, KeySpace space)
    {
        var dense = spec.Features.ContextVector + spec.Features.ActionVector;
        return new InputKeys(space, spec.Features, reader.Floats(dense), reader.Floats(dense), reader.Floats(HashedPlaces));
    }

    private void AddDense(ReadOnlySpan<float> vector, int start, Span<float> row)
    {
        if (vector.IsEmpty)
            return;
        var rented = ArrayPool<float>.Shared.Rent(vector.Length);
        var scaled = rented.AsSpan(0, vector.Length);
        FeatureScaler.Apply(vector, _shift.AsSpan(start, vector.Length), _scale.AsSpan(start, vector.Length), scaled);
        if (_shift.Length <= DensePlaces)
        {
            scaled.CopyTo(row[start..]);
        }
        else
        {
            for (var i = 0; i < scaled.Length; i++)
            {
                var id = (ulong)(start + i);
                FeatureFolding.Add(new ReadOnlySpan<ulong>(ref id), scaled.Slice(i, 1), DenseSeed, row[..DensePlaces]);
            }
        }
        ArrayPool<float>.Shared.Return(rented);
    }
}
