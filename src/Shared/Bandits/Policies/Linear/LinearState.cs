using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// Everything that one partition has taught a linear model, in two forms kept side by side: exact ridge sums for as long as they fit their bounds,
/// and diagonal weights, always. A shard that outgrows the bounds drops the sums for good and serves from the weights, which have
/// seen every interaction; no action is ever served from another form than its competitors.
/// </summary>
internal sealed class LinearState
{
    private readonly LinearOptions _options;
    private readonly Dictionary<ulong, int> _blockOf = [];
    private readonly List<RidgeSums> _blocks = [];
    private LinearFeature[] _context = [];
    private LinearFeature[] _action = [];
    private LinearFeature[] _pair = [];
    private double[] _values = [];
    private int[] _indices = [];

    /// <summary>A state that has seen nothing.</summary>
    public LinearState(LinearOptions options)
    {
        _options = options;
        Diagonal = new DiagonalWeights(options.Ridge);
        Spilled = options.FullDimensionMax == 0;
    }

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; set; }

    /// <summary>Sum of their normalised rewards.</summary>
    public double RewardSum { get; set; }

    /// <summary>Whether only the diagonal form is left.</summary>
    public bool Spilled { get; private set; }

    /// <summary>Features of the full blocks.</summary>
    public FeatureIndex Features { get; private set; } = new();

    /// <summary>Full blocks in the order of their first interaction.</summary>
    public IReadOnlyList<RidgeSums> Blocks => _blocks;

    /// <summary>The diagonal form.</summary>
    public DiagonalWeights Diagonal { get; }

    /// <summary>
    /// Mean normalised reward: what an action without any evidence is expected to earn. Held near the middle of the range by some imaginary interactions,
    /// so that the first reward is credited to the action that earned it and not to all alike.
    /// </summary>
    public double Centre
    {
        get
        {
            const double Imaginary = 10;
            return (RewardSum + Imaginary * DiagonalWeights.PriorMean) / (Interactions + Imaginary);
        }
    }

    /// <summary>Learns one interaction.</summary>
    public void Learn(Interaction interaction)
    {
        var reward = _options.Reward.Normalize(interaction.Reward);
        Fit(ref _context, LinearFeatures.LengthMax(interaction.Context));
        Fit(ref _action, LinearFeatures.LengthMax(interaction.ActionFeatures));
        var context = _context.AsSpan(0, LinearFeatures.Context(interaction.Context, _options.Features, _context));
        var action = _action.AsSpan(0, LinearFeatures.Action(interaction.ActionFeatures, _options.Features, _action));
        Fit(ref _pair, LinearFeatures.PairLengthMax(context.Length, action.Length));
        if (!Spilled)
        {
            var count = LinearFeatures.Pair(_options.FullScope, interaction.Action, context, action, _pair);
            LearnFull(_options.FullScope == LinearScope.PerAction ? interaction.Action.Value : 0, _pair.AsSpan(0, count), reward);
        }
        var length = LinearFeatures.TablePair(_options.DiagonalScope, interaction.Action, context, action, _pair);
        Diagonal.Learn(_pair.AsSpan(0, length), reward);
        RewardSum += reward;
        Interactions++;
    }

    /// <summary>The block of a key, made now if it is new.</summary>
    public RidgeSums Block(ulong key)
    {
        if (_blockOf.TryGetValue(key, out var at))
            return _blocks[at];
        _blockOf.Add(key, _blocks.Count);
        var block = new RidgeSums(key);
        _blocks.Add(block);
        return block;
    }

    /// <summary>Drops the full form if it has outgrown its bounds.</summary>
    /// <returns>Whether it is gone.</returns>
    public bool SpillWhenTooLarge()
    {
        var doubles = 0L;
        foreach (var block in _blocks)
            doubles += PackedLower.Length(block.Dimension);
        if (Features.Count > _options.FullDimensionMax || doubles > _options.FullDoublesMax)
            Spill();
        return Spilled;
    }

    /// <summary>Drops the full form.</summary>
    public void Spill()
    {
        Spilled = true;
        Features = new FeatureIndex();
        _blockOf.Clear();
        _blocks.Clear();
    }

    private void LearnFull(ulong key, ReadOnlySpan<LinearFeature> features, double reward)
    {
        var known = Features.Count;
        foreach (var feature in features)
            Features.Add(feature.Id);
        if (Features.Count > _options.FullDimensionMax)
        {
            Spill();
            return;
        }
        if (_values.Length < Features.Count)
        {
            Array.Resize(ref _values, 2 * Features.Count);
            Array.Resize(ref _indices, 2 * Features.Count);
        }
        var values = _values.AsSpan(0, Features.Count);
        values.Clear();
        foreach (var feature in features)
            values[Features.Find(feature.Id)] += feature.Value;
        var count = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] != 0)
                _indices[count++] = i;
        }
        var blocks = _blocks.Count;
        var block = Block(key);
        var dimension = block.Dimension;
        block.Grow(_indices[count - 1] + 1);
        if ((_blocks.Count > blocks || block.Dimension > dimension || Features.Count > known) && SpillWhenTooLarge())
            return;
        block.Add(_indices.AsSpan(0, count), values, reward);
    }

    private static void Fit<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[Math.Max(length, 2 * array.Length)];
    }
}
