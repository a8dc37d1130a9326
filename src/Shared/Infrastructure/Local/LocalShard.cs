using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>Framed parameters that lead from one version of a shard to a later one of the same epoch.</summary>
internal readonly record struct LocalDelta(long From, long To, long AsOf, ReadOnlyMemory<byte> Framed);

/// <summary>How far files hold a shard: whole parameters of a version, and deltas up to another.</summary>
internal readonly record struct LocalKept(long Epoch, long Whole, long To);

/// <summary>
/// The published parameters of one partition in memory: whole ones, and deltas over them. Deltas that led to the whole ones stay until the next whole
/// ones, for a reader who has not yet looked. Guarded by its owner.
/// </summary>
internal sealed class LocalShard
{
    private readonly List<LocalDelta> _deltas = [];

    public LocalShard(in ShardHead head, ReadOnlyMemory<byte> whole) => Begin(head, whole);

    /// <summary>The current version.</summary>
    public ShardHead Head { get; private set; }

    /// <summary>Framed, of version <see cref="WholeVersion"/>.</summary>
    public ReadOnlyMemory<byte> Whole { get; private set; }

    /// <summary>Interactions of the whole parameters; their epoch is the head's.</summary>
    public long WholeVersion => WholeHead.Interactions;

    /// <summary>The whole parameters as a head of their own.</summary>
    public ShardHead WholeHead { get; private set; }

    /// <summary>What the files hold of it; null for nothing.</summary>
    public LocalKept? Kept { get; set; }

    /// <summary>Whether the time of the head has moved since files were written.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Starts over with whole parameters, or makes whole parameters of the current version the base of what follows.</summary>
    public void Begin(in ShardHead head, ReadOnlyMemory<byte> whole)
    {
        if (_deltas.Count > 0 && head.IsVersionOf(Head))
        {
            var former = WholeVersion;
            _deltas.RemoveAll(d => d.From < former);
        }
        else
        {
            _deltas.Clear();
        }
        Head = head with { AsOf = head.IsVersionOf(Head) ? Math.Max(head.AsOf, Head.AsOf) : head.AsOf, Base = null };
        (WholeHead, Whole) = (Head, whole);
    }

    /// <summary>Moves on by a delta that starts from the current version.</summary>
    public void Add(in ShardHead head, ReadOnlyMemory<byte> delta)
    {
        var next = head with { AsOf = Math.Max(head.AsOf, Head.AsOf), Base = WholeVersion };
        _deltas.Add(new LocalDelta(Head.Interactions, next.Interactions, next.AsOf, delta));
        Head = next;
    }

    /// <summary>Moves its time on.</summary>
    public void Touch(long asOf)
    {
        Head = Head with { AsOf = Math.Max(asOf, Head.AsOf) };
        if (Head.Base is null)
            WholeHead = Head;
        IsTouched = true;
    }

    /// <summary>The deltas that lead from one version of the current epoch to another, or null where there is a gap.</summary>
    public List<LocalDelta>? Between(long from, long to)
    {
        var found = new List<LocalDelta>();
        foreach (var delta in _deltas)
        {
            if (from == to)
                break;
            if (delta.From != from)
                continue;
            found.Add(delta);
            from = delta.To;
        }
        return from == to ? found : null;
    }
}
