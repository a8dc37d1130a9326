namespace Recsys.Bandits.Catalogue;

/// <summary>
/// The items that a cluster ranks itself: the best of its candidates by inner product, equal ones by key. The first <see cref="Places"/> have an edge; more are kept in
/// reserve, so that a removal is made good from there. Immutable once its graph is made.
/// </summary>
internal sealed class RankedRow
{
    /// <summary>Slots, best first; longer than <see cref="Length"/> at times.</summary>
    public int[] Slots = [];

    /// <summary>How many there are.</summary>
    public int Length;

    /// <summary>How many of them may have an edge.</summary>
    public int Places;

    /// <summary>Whether these are all the candidates there are; else at least W of them are known.</summary>
    public bool Complete = true;

    /// <summary>How many of them have an edge.</summary>
    public int Edges => Math.Min(Places, Length);

    /// <summary>Those that have an edge.</summary>
    public ReadOnlySpan<int> Edged => Slots.AsSpan(0, Edges);

    /// <summary>Everybody known.</summary>
    public ReadOnlySpan<int> Known => Slots.AsSpan(0, Length);

    /// <summary>A row of nobody yet, where there is nobody else.</summary>
    public static RankedRow Of(int places) => new() { Places = places };

    /// <summary>A copy to edit.</summary>
    public RankedRow Copy(int room) =>
        new() { Slots = [.. Slots.AsSpan(0, Length), .. new int[room]], Length = Length, Places = Places, Complete = Complete };

    /// <summary>Puts a slot at a place and moves the others on.</summary>
    public void Insert(int at, int slot)
    {
        if (Length == Slots.Length)
            Array.Resize(ref Slots, Length + 1 + Length / 8);
        Slots.AsSpan(at, Length - at).CopyTo(Slots.AsSpan(at + 1));
        Slots[at] = slot;
        Length++;
    }

    /// <summary>Takes the slot of a place out.</summary>
    public void RemoveAt(int at)
    {
        Slots.AsSpan(at + 1, Length - at - 1).CopyTo(Slots.AsSpan(at));
        Length--;
    }
}
