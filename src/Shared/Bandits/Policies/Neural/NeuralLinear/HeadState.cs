namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>A head trunk and the sums made with it: they come and go together, so that no sum has features of two trunks.</summary>
/// <param name="options">Shapes.</param>
/// <param name="trunk">Makes every feature in the sums.</param>
internal sealed class HeadState(NeuralLinearOptions options, HeadTrunk trunk)
{
    /// <summary>Rows of one product: enough to keep W in the cache.</summary>
    private const int Rows = 32;

    private readonly Example[] _examples = new Example[Rows];
    private readonly float[] _inputs = new float[Rows * options.Trunk.Dense];
    private readonly float[] _hidden = new float[Rows * options.Trunk.Hidden];

    /// <summary>Makes every feature in the sums.</summary>
    public HeadTrunk Trunk { get; } = trunk;

    /// <summary>What the heads are solved from.</summary>
    public HeadSums Sums { get; } = new(options);

    /// <summary>Takes the trunk as it is now, with sums over all that is replayed.</summary>
    /// <param name="state">What was learned.</param>
    /// <param name="member">Number of the network.</param>
    /// <param name="options">Shapes.</param>
    public static HeadState Take(NeuralState state, int member, NeuralLinearOptions options)
    {
        var head = new HeadState(options, HeadTrunk.Of(state, member, options.Trunk));
        var ring = state.Ring;
        for (var oldest = ring.Count - 1; oldest >= 0; oldest -= Rows)
        {
            var count = Math.Min(Rows, oldest + 1);
            for (var i = 0; i < count; i++)
                head._examples[i] = ring[oldest - i];
            head.Add(count, state.Inputs);
        }
        head.Sums.Cover(state.Inputs.HeadKeys);
        return head;
    }

    /// <summary>Adds the newest interaction.</summary>
    public void Add(NeuralState state)
    {
        _examples[0] = state.Ring[0];
        Add(1, state.Inputs);
    }

    private void Add(int count, InputTable inputs)
    {
        Sums.Cover(inputs.HeadKeys);
        Trunk.Forward(_examples.AsSpan(0, count), _inputs, _hidden);
        var units = options.Trunk.Hidden;
        for (var i = 0; i < count; i++)
            Sums.Add(_examples[i].Head, _hidden.AsSpan(i * units, units), _examples[i].Reward);
    }
}
