using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// When the fresh items of a run become known: one after the other, evenly over the middle half of its rounds, so that the graph and the policy know the others
/// by then and there is time left to find out.
/// </summary>
public sealed class FreshSchedule
{
    private readonly ActionKey[] _items;
    private readonly Dictionary<ActionKey, int> _places = [];
    private readonly long _rounds;

    /// <summary>A schedule.</summary>
    /// <param name="items">In the order in which they arrive, distinct.</param>
    /// <param name="rounds">Rounds of the run, at least 0.</param>
    public FreshSchedule(ActionKey[] items, long rounds)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfNegative(rounds);
        _items = items;
        _rounds = rounds;
        for (var i = 0; i < items.Length; i++)
            _places.Add(items[i], i);
    }

    /// <summary>Nothing is fresh.</summary>
    public static FreshSchedule None { get; } = new([], 0);

    /// <summary>Fresh items.</summary>
    public int Count => _items.Length;

    /// <summary>The first round whose candidates may contain the item of a place.</summary>
    public long ArrivalOf(int place) => _rounds / 4 + (long)((Int128)place * (_rounds / 2) / Math.Max(1, Count));

    /// <summary>How many have arrived by a round: those of places 0 to that many − 1.</summary>
    public int ArrivedBy(long round)
    {
        var arrived = 0;
        for (var (low, high) = (0, Count); low < high;)
        {
            var middle = (low + high) / 2;
            if (ArrivalOf(middle) <= round)
                arrived = low = middle + 1;
            else
                high = middle;
        }
        return arrived;
    }

    /// <summary>The place of an item in the order of arrival; −1 for one that was there from the start.</summary>
    public int PlaceOf(ActionKey item) => _places.GetValueOrDefault(item, -1);
}
