using System.Numerics.Tensors;
using Recsys.Bandits.Policies.Linear;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// Σ h·hᵀ and Σ r·h of every action over one set of interactions, h the features that one head trunk makes of them. The constant comes
/// first, so the first element of Σ h·hᵀ is n.
/// </summary>
internal sealed class HeadSums
{
    private readonly int _dimension;
    private readonly float[] _features;
    private readonly double[] _values;
    private readonly int[] _indices;

    /// <summary>Sums of nothing.</summary>
    public HeadSums(NeuralLinearOptions options)
    {
        _dimension = options.Dimension;
        _features = new float[_dimension];
        _values = new double[_dimension];
        _indices = new int[_dimension];
        Others = Fresh(0);
        All = options.Trunk.SharedHead ? Fresh(0) : null;
    }

    /// <summary>Of each action with sums of its own, in the order of the input table.</summary>
    public List<RidgeSums> Own { get; } = [];

    /// <summary>Of all actions for which there was no room.</summary>
    public RidgeSums Others { get; }

    /// <summary>Of every action; null unless actions share what they have in common.</summary>
    public RidgeSums? All { get; }

    /// <summary>All of them, in a fixed order.</summary>
    public IEnumerable<RidgeSums> Blocks => All is null ? [Others, .. Own] : [Others, All, .. Own];

    /// <summary>Makes room for actions that have a number and no sums yet.</summary>
    public void Cover(List<ulong> keys)
    {
        while (Own.Count < keys.Count)
            Own.Add(Fresh(keys[Own.Count]));
    }

    /// <summary>Adds one interaction.</summary>
    /// <param name="head">Number of its action, −1 for none.</param>
    /// <param name="hidden">What the trunk makes of it.</param>
    /// <param name="reward">In [0, 1].</param>
    public void Add(int head, ReadOnlySpan<float> hidden, double reward)
    {
        var indices = _indices.AsSpan(0, HeadFeatures.Write(hidden, _features, _indices));
        TensorPrimitives.ConvertChecked<float, double>(_features, _values);
        (head < 0 ? Others : Own[head]).Add(indices, _values, reward);
        All?.Add(indices, _values, reward);
    }

    private RidgeSums Fresh(ulong key)
    {
        var sums = new RidgeSums(key);
        sums.Grow(_dimension);
        return sums;
    }
}
