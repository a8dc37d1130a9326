namespace Recsys.Bandits.Policies.Linear;

/// <summary>Numbers the features of full blocks in the order in which they were first seen; the bias is number 0.</summary>
internal sealed class FeatureIndex
{
    private readonly Dictionary<ulong, int> _numbers = [];
    private readonly List<ulong> _ids = [];

    /// <summary>Features so far.</summary>
    public int Count => _ids.Count;

    /// <summary>Ids by number.</summary>
    public IReadOnlyList<ulong> Ids => _ids;

    /// <summary>The number of a feature that has been seen, or −1.</summary>
    public int Find(ulong id) => _numbers.TryGetValue(id, out var number) ? number : -1;

    /// <summary>The number of a feature, given now if it is new.</summary>
    public int Add(ulong id)
    {
        if (_numbers.TryGetValue(id, out var number))
            return number;
        number = _ids.Count;
        _ids.Add(id);
        _numbers.Add(id, number);
        return number;
    }

    /// <summary>How many leading numbers mean the same in both.</summary>
    public int CommonPrefix(FeatureIndex other)
    {
        var length = Math.Min(Count, other.Count);
        for (var i = 0; i < length; i++)
        {
            if (_ids[i] != other._ids[i])
                return i;
        }
        return length;
    }
}
