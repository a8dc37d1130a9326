namespace Recsys.Bandits.Policies.Neural;

/// <summary>One interaction as the network needs it: raw, because how it is scaled changes.</summary>
/// <param name="Dense">Context and action vector, unscaled.</param>
/// <param name="Rows">Numbers of the hashed inputs.</param>
/// <param name="Values">Their values, as long.</param>
/// <param name="Head">Number of the action's own weights, −1 for none.</param>
/// <param name="Reward">In [0, 1].</param>
internal readonly record struct Example(float[] Dense, int[] Rows, float[] Values, int Head, float Reward);

/// <summary>
/// The newest interactions, for replay. Bounded: what is replayed should be of this world, and a checkpoint carries it.
/// </summary>
internal sealed class ReplayRing(int capacity)
{
    private readonly List<Example> _examples = [];
    private int _newest = -1;

    /// <summary>Examples held.</summary>
    public int Count => _examples.Count;

    /// <summary>Adds the newest; over the oldest, when full.</summary>
    public void Add(in Example example)
    {
        if (_examples.Count < capacity)
        {
            _newest = _examples.Count;
            _examples.Add(example);
            return;
        }
        _newest = (_newest + 1) % capacity;
        _examples[_newest] = example;
    }

    /// <summary>An example by age.</summary>
    /// <param name="age">0 for the newest, below <see cref="Count"/>.</param>
    public Example this[int age] => _examples[(_newest - age + _examples.Count) % _examples.Count];

    /// <summary>Forgets all but the newest.</summary>
    public void Truncate(int count)
    {
        if (count >= Count)
            return;
        var kept = new Example[count];
        for (var age = 0; age < count; age++)
            kept[count - 1 - age] = this[age];
        _examples.Clear();
        _examples.AddRange(kept);
        _newest = count - 1;
    }
}
