namespace Recsys.Bandits.Interactions;

/// <summary>
/// Rewards and activations that came before their decision, each for a short while. Deadlines never decrease from one arrival to the next, so the
/// order of arrival is the order of expiry.
/// </summary>
internal sealed class WaitingEvents
{
    private readonly LinkedList<Waiting> _byArrival = new();
    private readonly Dictionary<string, Queue<LinkedListNode<Waiting>>> _byDecision = new(StringComparer.Ordinal);

    public int Count => _byArrival.Count;

    /// <summary>When the first one expires.</summary>
    public long? Deadline => _byArrival.First?.Value.Until;

    /// <summary>Where the chain of each decision that is waited for begins.</summary>
    public IEnumerable<Waiting> Heads
    {
        get
        {
            foreach (var chain in _byDecision.Values)
                yield return chain.Peek().Value;
        }
    }

    public bool Has(string decisionId) => _byDecision.Count > 0 && _byDecision.ContainsKey(decisionId);

    public void Add(string decisionId, in Waiting waiting)
    {
        if (!_byDecision.TryGetValue(decisionId, out var chain))
            _byDecision.Add(decisionId, chain = new());
        chain.Enqueue(_byArrival.AddLast(waiting));
    }

    /// <summary>Everything that waits for a decision, in order of arrival; it waits no more.</summary>
    public IReadOnlyCollection<Waiting> Take(string decisionId)
    {
        if (_byDecision.Count == 0 || !_byDecision.Remove(decisionId, out var chain))
            return [];
        var taken = new Waiting[chain.Count];
        for (var i = 0; i < taken.Length; i++)
        {
            var node = chain.Dequeue();
            taken[i] = node.Value;
            _byArrival.Remove(node);
        }
        return taken;
    }

    /// <summary>Gives up the one that has waited longest.</summary>
    public void DropFirst()
    {
        var first = _byArrival.First!;
        _byArrival.RemoveFirst();
        var decisionId = first.Value.DecisionId;
        var chain = _byDecision[decisionId];
        chain.Dequeue();
        if (chain.Count == 0)
            _byDecision.Remove(decisionId);
    }
}

/// <summary>One event that waits for its decision.</summary>
/// <param name="Reward">The reward, or null for an activation.</param>
/// <param name="DecisionId">The decision.</param>
/// <param name="Time">Its own time, bounded.</param>
/// <param name="Until">When it is an orphan.</param>
/// <param name="Offset">Its place in the log.</param>
/// <param name="WatermarkBefore">Event time before it.</param>
internal readonly record struct Waiting(RewardEvent? Reward, string DecisionId, long Time, long Until, long Offset, long WatermarkBefore);
