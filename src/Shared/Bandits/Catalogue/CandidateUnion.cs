using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>Candidates written so far, and an open-addressing table from slot to place: pairs of (slot + 1, place).</summary>
internal ref struct CandidateUnion
{
    private readonly Span<Candidate> _into;
    private readonly Span<int> _places;

    /// <summary>Nobody yet.</summary>
    /// <param name="into">Receives the candidates.</param>
    /// <param name="scratch">2 · a power of two that is at least twice as many, overwritten.</param>
    public CandidateUnion(Span<Candidate> into, Span<int> scratch)
    {
        _into = into;
        _places = scratch;
        _places.Clear();
    }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an item, or the mask to an item that is there; a new one is left out when there are <paramref name="most"/> already.</summary>
    /// <returns>Whether it is there now.</returns>
    public bool Add(int slot, CatalogueItem item, ulong mask, int most)
    {
        var last = _places.Length / 2 - 1;
        var at = (int)((uint)slot * 0x9E3779B1u >> 7) & last;
        while (_places[2 * at] != 0)
        {
            if (_places[2 * at] == slot + 1)
            {
                ref var there = ref _into[_places[2 * at + 1]];
                there = there with { ClusterMask = there.ClusterMask | mask };
                return true;
            }
            at = (at + 1) & last;
        }
        if (Count >= most)
            return false;
        _places[2 * at] = slot + 1;
        _places[2 * at + 1] = Count;
        _into[Count++] = new Candidate(item.Id, item.Key, item.Features, mask);
        return true;
    }
}
