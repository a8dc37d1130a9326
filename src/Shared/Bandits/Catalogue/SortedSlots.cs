using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// A set of items by their slots, in the order of their keys: found by key and by place. In chunks, so that a changed copy shares those that are the same.
/// Immutable.
/// </summary>
internal sealed class SortedSlots
{
    // Halves a chunk's search and copying against the length of the list of chunks, for a million items.
    private const int ChunkSize = 512;

    private readonly Chunk[] _chunks;
    private readonly ActionKey[] _first;
    private readonly int[] _start;

    private SortedSlots(Chunk[] chunks)
    {
        _chunks = chunks;
        _first = Array.ConvertAll(chunks, static chunk => chunk.Keys[0]);
        _start = new int[chunks.Length + 1];
        for (var i = 0; i < chunks.Length; i++)
            _start[i + 1] = _start[i] + chunks[i].Keys.Length;
    }

    /// <summary>Nothing.</summary>
    public static SortedSlots Empty { get; } = new([]);

    /// <summary>How many.</summary>
    public int Count => _start[^1];

    /// <summary>The slot of a key, or −1.</summary>
    public int Find(ActionKey key)
    {
        var chunk = ChunkOf(key);
        var at = chunk < 0 ? -1 : Array.BinarySearch(_chunks[chunk].Keys, key);
        return at < 0 ? -1 : _chunks[chunk].Slots[at];
    }

    /// <summary>Walks through all slots in the order of their keys.</summary>
    public Walk From(int place) => new(this, place);

    /// <summary>A copy with other members.</summary>
    /// <param name="edits">Slot of a key that is or becomes a member, −1 for one that no longer is; distinct keys, any order.</param>
    public SortedSlots With(List<(ActionKey Key, int Slot)> edits)
    {
        if (edits.Count == 0)
            return this;
        edits.Sort(static (a, b) => a.Key.CompareTo(b.Key));
        var chunks = new List<Chunk>(_chunks.Length + 1);
        var next = 0;
        for (var c = 0; c < Math.Max(1, _chunks.Length); c++)
        {
            var from = next;
            while (next < edits.Count && (c + 1 >= _chunks.Length || edits[next].Key < _first[c + 1]))
                next++;
            if (from == next)
                chunks.Add(_chunks[c]);
            else
                Merge(c < _chunks.Length ? _chunks[c] : default, edits, from, next, chunks);
        }
        return chunks.Count == 0 ? Empty : new SortedSlots([.. chunks]);
    }

    private static void Merge(Chunk old, List<(ActionKey Key, int Slot)> edits, int from, int to, List<Chunk> chunks)
    {
        var (keys, slots) = (new List<ActionKey>(), new List<int>());
        // A chunk that has become small joins the one before it.
        if (chunks.Count > 0 && chunks[^1].Keys.Length + (old.Keys?.Length ?? 0) + to - from <= ChunkSize)
        {
            keys.AddRange(chunks[^1].Keys);
            slots.AddRange(chunks[^1].Slots);
            chunks.RemoveAt(chunks.Count - 1);
        }
        var i = 0;
        for (var edit = from; edit <= to; edit++)
        {
            for (; i < (old.Keys?.Length ?? 0) && (edit == to || old.Keys![i] < edits[edit].Key); i++)
            {
                keys.Add(old.Keys![i]);
                slots.Add(old.Slots[i]);
            }
            if (edit == to)
                break;
            if (i < (old.Keys?.Length ?? 0) && old.Keys![i] == edits[edit].Key)
                i++;
            if (edits[edit].Slot < 0)
                continue;
            keys.Add(edits[edit].Key);
            slots.Add(edits[edit].Slot);
        }
        var pieces = keys.Count <= 2 * ChunkSize ? 1 : (keys.Count + ChunkSize - 1) / ChunkSize;
        for (var piece = 0; piece < pieces && keys.Count > 0; piece++)
        {
            var (start, end) = ((int)((long)keys.Count * piece / pieces), (int)((long)keys.Count * (piece + 1) / pieces));
            chunks.Add(new Chunk([.. keys[start..end]], [.. slots[start..end]]));
        }
    }

    /// <summary>The last chunk whose first key is not above a key, −1 for none.</summary>
    private int ChunkOf(ActionKey key)
    {
        var at = Array.BinarySearch(_first, key);
        return at >= 0 ? at : ~at - 1;
    }

    private readonly record struct Chunk(ActionKey[] Keys, int[] Slots);

    /// <summary>A place in the order, on from which one may walk; after the last comes the first.</summary>
    public struct Walk
    {
        private readonly SortedSlots _list;
        private int _chunk;
        private int _at;

        /// <summary>Starts at a place.</summary>
        public Walk(SortedSlots list, int place)
        {
            _list = list;
            var at = Array.BinarySearch(list._start, 0, list._chunks.Length, place);
            _chunk = at >= 0 ? at : ~at - 1;
            _at = _chunk < 0 ? 0 : place - list._start[_chunk];
        }

        /// <summary>The slot here; moves on.</summary>
        public int Next()
        {
            var slots = _list._chunks[_chunk].Slots;
            var slot = slots[_at++];
            if (_at == slots.Length)
                (_chunk, _at) = (_chunk + 1 < _list._chunks.Length ? _chunk + 1 : 0, 0);
            return slot;
        }
    }
}
