using System.Numerics.Tensors;

namespace Recsys.Bandits.Catalogue;

/// <summary>The items of a graph and where they are, in parts that graphs share as far as they are the same. An item keeps its slot for as long as it is there.</summary>
/// <param name="Items">Items by slot, null where there is none.</param>
/// <param name="Edges">By slot, rows in which the item has an edge that its score earned.</param>
/// <param name="Near">By slot, the clusters that an item which no given row names may enter, nearest first; null for all others.</param>
/// <param name="Rows">By cluster.</param>
/// <param name="Bars">By lane of the centroids: a candidate with a smaller score does not belong into the row; infinite where there is no cluster.</param>
/// <param name="Index">All slots that have a key, by it; those of given rows whether or not the item is there.</param>
/// <param name="Newcomers">By cluster: items with a vector and no edge, at their nearest cluster.</param>
/// <param name="Everywhere">Items that cannot be placed, an edge from every cluster.</param>
/// <param name="Free">Slots that had an item once.</param>
/// <param name="SlotCount">Slots ever used.</param>
/// <param name="ItemCount">Items.</param>
/// <param name="EdgeCount">Edges of all items.</param>
internal sealed record GraphState(
    Paged<CatalogueItem?> Items,
    Paged<int> Edges,
    Paged<int[]?> Near,
    RankedRow[] Rows,
    float[] Bars,
    SortedSlots Index,
    SortedSlots[] Newcomers,
    SortedSlots Everywhere,
    FreeSlot? Free,
    int SlotCount,
    int ItemCount,
    long EdgeCount)
{
    /// <summary>No items yet.</summary>
    public static GraphState Empty(GraphLayout layout)
    {
        var rows = new RankedRow[layout.Clusters];
        for (var c = 0; c < rows.Length; c++)
            rows[c] = RankedRow.Of(layout.FreePlaces(c));
        var bars = new float[layout.Centroids.Lanes];
        for (var lane = 0; lane < bars.Length; lane++)
            bars[lane] = layout.Centroids.ClusterOf[lane] < 0 ? float.PositiveInfinity : float.NegativeInfinity;
        var items = new Paged<CatalogueItem?>.Editor(Paged<CatalogueItem?>.Empty);
        var given = layout.GivenKeys.Length;
        if (given > 0)
            items[given - 1] = null;
        var newcomers = new SortedSlots[layout.Clusters];
        Array.Fill(newcomers, SortedSlots.Empty);
        return new GraphState(
            items.Done(), Paged<int>.Empty, Paged<int[]?>.Empty, rows, bars, SortedSlots.Empty.With([.. layout.GivenKeys.Select(static (key, slot) => (key, slot))]),
            newcomers, SortedSlots.Empty, null, given, 0, 0);
    }

    /// <summary>Whether inner products say where an item belongs: it has a vector, and one whose length is a number.</summary>
    public static bool IsPlaceable(CatalogueItem item)
    {
        var vector = item.Features.Dense.Span;
        return !vector.IsEmpty && float.IsFinite(TensorPrimitives.SumOfSquares(vector));
    }
}

/// <summary>A slot that may be used again, and further ones.</summary>
internal sealed record FreeSlot(int Slot, FreeSlot? Next);
