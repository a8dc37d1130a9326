using Recsys.Bandits.Features;

namespace Recsys.Infrastructure.Features;

/// <summary>
/// Growable memory for the encoded features of one request; reused from request to request, so that encoding allocates nothing once it
/// has grown. Slices stay readable until <see cref="Clear"/>, also when the buffer grows after them.
/// </summary>
public sealed class FeatureBuffer
{
    private SparseFeature[] _sparse = new SparseFeature[256];
    private float[] _dense = new float[256];

    /// <summary>Hashed features so far.</summary>
    public int SparseCount { get; private set; }

    /// <summary>Vector elements so far.</summary>
    public int DenseCount { get; private set; }

    /// <summary>Forgets everything and keeps the memory.</summary>
    public void Clear() => SparseCount = DenseCount = 0;

    /// <summary>Adds a hashed feature.</summary>
    public void Add(SparseFeature feature)
    {
        if (SparseCount == _sparse.Length)
            Array.Resize(ref _sparse, 2 * _sparse.Length);
        _sparse[SparseCount++] = feature;
    }

    /// <summary>Adds a vector element.</summary>
    public void AddDense(float value)
    {
        if (DenseCount == _dense.Length)
            Array.Resize(ref _dense, 2 * _dense.Length);
        _dense[DenseCount++] = value;
    }

    /// <summary>What was added since the given counts.</summary>
    public FeatureSet Since(int sparseStart, int denseStart) => new(
        _sparse.AsMemory(sparseStart, SparseCount - sparseStart), _dense.AsMemory(denseStart, DenseCount - denseStart));
}
