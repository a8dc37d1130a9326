using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Recsys.Api.Catalogue;
using Recsys.Api.Serialization;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Decisions;

/// <summary>
/// All memory of one decision: the body, what was parsed from it, the candidates, the arithmetic, the record and the answer. Grows to what its requests
/// need and is used again, so that a decision allocates nothing.
/// </summary>
public sealed class DecisionWorkspace : IDisposable
{
    // Above this a workspace is given to the collector instead of to the next request: one huge batch must not pin its memory for ever.
    private const int RetainedBytesMax = 1 << 20;

    private byte[] _ids = new byte[1024];
    private int _idBytes;
    private Candidate[] _candidates = new Candidate[64];
    private ActionKey[] _restriction = [];
    private int _restrictionCount;
    private ActionKey[] _excluded = new ActionKey[16];
    private readonly ClusterWeight[] _clusters = new ClusterWeight[DecisionQuery.ClustersMax];
    private int _clusterCount;
    private float[] _floats = new float[64 * 5];
    private int[] _order = new int[64];
    private ChosenSlot[] _slots = new ChosenSlot[8];
    private int[] _table = new int[256];
    private int[] _proposal = [];

    /// <summary>The request's bytes.</summary>
    public RequestBody Body { get; } = new();

    /// <summary>Encoded features.</summary>
    public FeatureBuffer Features { get; } = new();

    /// <summary>Everything wrong with the request.</summary>
    public List<KeyValuePair<string, string>> Errors { get; } = [];

    /// <summary>The record for the log.</summary>
    public ArrayBufferWriter<byte> Record { get; } = new(1024);

    /// <summary>The answer.</summary>
    public ArrayBufferWriter<byte> Answer { get; } = new(1024);

    /// <summary>Writes into <see cref="Answer"/>.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>The decision id as UTF-8.</summary>
    public ReadOnlyMemory<byte> DecisionId { get; private set; }

    /// <summary>Encoded context.</summary>
    public FeatureSet Context { get; set; }

    /// <summary>Whether the request listed actions at all.</summary>
    public bool HasActions { get; set; }

    /// <summary>Positions asked for.</summary>
    public int Count { get; set; }

    /// <summary>Whether the decision counts at once.</summary>
    public bool Activate { get; set; }

    /// <summary>Candidates so far.</summary>
    public int CandidateCount { get; private set; }

    /// <summary>Candidates before exclusions.</summary>
    public int ListedCount { get; private set; }

    /// <summary>Excluded actions so far.</summary>
    public int ExcludedCount { get; private set; }

    /// <summary>Positions filled.</summary>
    public int SlotCount { get; private set; }

    /// <summary>A workspace of modest size.</summary>
    public DecisionWorkspace() => Json = new Utf8JsonWriter(Answer, JsonFormat.Options);

    /// <summary>Actions to choose from.</summary>
    public ReadOnlySpan<Candidate> Candidates => _candidates.AsSpan(0, CandidateCount);

    /// <summary>The user's clusters.</summary>
    public ReadOnlySpan<ClusterWeight> Clusters => _clusters.AsSpan(0, _clusterCount);

    /// <summary>Room for the user's clusters.</summary>
    public Span<ClusterWeight> ClusterRoom => _clusters;

    /// <summary>Expected rewards of the candidates.</summary>
    public Span<float> Means => _floats.AsSpan(0, CandidateCount);

    /// <summary>Widths of the candidates.</summary>
    public Span<float> Widths => _floats.AsSpan(CandidateCount, CandidateCount);

    /// <summary>Scratch of the sampler.</summary>
    public Span<float> Scratch => _floats.AsSpan(2 * CandidateCount, SlateSampler.ScratchLength(CandidateCount));

    /// <summary>Scratch of the sampler.</summary>
    public Span<int> Order => _order.AsSpan(0, CandidateCount);

    /// <summary>The filled positions.</summary>
    public Span<ChosenSlot> Slots => _slots.AsSpan(0, SlotCount);

    /// <summary>Forgets the request; the body and the answer stay.</summary>
    public void Clear()
    {
        _idBytes = 0;
        DecisionId = default;
        Features.Clear();
        Errors.Clear();
        Context = default;
        HasActions = false;
        Count = 1;
        Activate = true;
        CandidateCount = ListedCount = ExcludedCount = SlotCount = _clusterCount = 0;
    }

    /// <summary>Starts a new answer.</summary>
    public void ClearAnswer()
    {
        Answer.ResetWrittenCount();
        Json.Reset();
    }

    /// <summary>Keeps an id; the memory stays readable until <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> id)
    {
        // Ids kept before a resize stay in the old array, which their slices hold on to.
        if (_idBytes + id.Length > _ids.Length)
        {
            _ids = new byte[Math.Max(2 * _ids.Length, id.Length)];
            _idBytes = 0;
        }
        id.CopyTo(_ids.AsSpan(_idBytes));
        var kept = _ids.AsMemory(_idBytes, id.Length);
        _idBytes += id.Length;
        return kept;
    }

    /// <summary>Sets the decision id.</summary>
    public void SetDecisionId(ReadOnlySpan<byte> id) => DecisionId = Keep(id);

    /// <summary>Adds a candidate.</summary>
    public void AddCandidate(in Candidate candidate)
    {
        if (CandidateCount == _candidates.Length)
            Array.Resize(ref _candidates, 2 * _candidates.Length);
        _candidates[CandidateCount++] = candidate;
        ListedCount = CandidateCount;
    }

    /// <summary>Room for proposals of a catalogue; forgets the candidates.</summary>
    public Span<Candidate> CandidateRoom(int length)
    {
        Grow(ref _candidates, length);
        return _candidates.AsSpan(0, length);
    }

    /// <summary>Scratch of the graph for so many proposals.</summary>
    public Span<int> ProposalScratch(int length)
    {
        Grow(ref _proposal, ClusterGraph.ScratchLength(length));
        return _proposal;
    }

    /// <summary>Says how many candidates were written into <see cref="CandidateRoom"/>.</summary>
    public void SetCandidateCount(int count) => CandidateCount = ListedCount = count;

    /// <summary>The request's actions become a restriction on what the catalogue proposes.</summary>
    public void SetListedAside()
    {
        if (!HasActions)
            return;
        Grow(ref _restriction, CandidateCount);
        for (var i = 0; i < CandidateCount; i++)
            _restriction[i] = _candidates[i].Key;
        _restrictionCount = CandidateCount;
        _restriction.AsSpan(0, _restrictionCount).Sort();
    }

    /// <summary>Adds the items that clusters rank behind those of their graph, as far as there is room in what <see cref="CandidateRoom"/> gave.</summary>
    public void AddGraduates(ServedGraph served, long now, int most)
    {
        if (served.Graduates.Count == 0)
            return;
        var proposed = CandidateCount;
        for (var i = 0; i < _clusterCount; i++)
        {
            if (!served.Graduates.TryGetValue(_clusters[i].Cluster, out var graduates))
                continue;
            foreach (var item in graduates)
            {
                if (!item.IsAvailable(now))
                    continue;
                // The graph has none of them, so only each other's clusters can have brought one already.
                var at = proposed;
                while (at < CandidateCount && _candidates[at].Key != item.Key)
                    at++;
                if (at == most)
                    break;
                if (at == CandidateCount)
                    _candidates[CandidateCount++] = new Candidate(item.Id, item.Key, item.Features, 0);
                _candidates[at] = _candidates[at] with { ClusterMask = _candidates[at].ClusterMask | (1UL << i) };
            }
        }
        ListedCount = CandidateCount;
    }

    /// <summary>Takes out what was taken down since the graph was built.</summary>
    public void RemoveHidden(ServedGraph served)
    {
        if (!served.HidesAny)
            return;
        var kept = 0;
        for (var i = 0; i < CandidateCount; i++)
        {
            if (!served.Hides(_candidates[i].Key))
                _candidates[kept++] = _candidates[i];
        }
        CandidateCount = ListedCount = kept;
    }

    /// <summary>Keeps the proposals that the request lists, all of them when it lists none.</summary>
    public void KeepListed()
    {
        if (HasActions)
            Keep(_restriction.AsSpan(0, _restrictionCount), listed: true);
    }

    /// <summary>Excludes an action.</summary>
    public void Exclude(ActionKey action)
    {
        if (ExcludedCount == _excluded.Length)
            Array.Resize(ref _excluded, 2 * _excluded.Length);
        _excluded[ExcludedCount++] = action;
    }

    /// <summary>Takes the excluded candidates out and keeps the order of the others.</summary>
    public void RemoveExcluded()
    {
        if (ExcludedCount == 0)
            return;
        _excluded.AsSpan(0, ExcludedCount).Sort();
        Keep(_excluded.AsSpan(0, ExcludedCount), listed: false);
    }

    /// <summary>The index of the first candidate whose key an earlier one has, or -1. Two ids with one key cannot be told apart by any policy.</summary>
    public int FindDuplicate()
    {
        var table = UnionTable(CandidateCount);
        for (var i = 0; i < CandidateCount; i++)
        {
            var at = (int)_candidates[i].Key.Value & (table.Length - 1);
            while (table[at] != 0)
            {
                if (_candidates[table[at] - 1].Key == _candidates[i].Key)
                    return i;
                at = (at + 1) & (table.Length - 1);
            }
            table[at] = i + 1;
        }
        return -1;
    }

    /// <summary>Keeps the user's clusters.</summary>
    public void SetClusterCount(int count) => _clusterCount = count;

    /// <summary>Makes room for the arithmetic on the candidates and for the positions.</summary>
    public void Prepare(int slots)
    {
        Grow(ref _floats, (2 * CandidateCount) + SlateSampler.ScratchLength(CandidateCount));
        Grow(ref _order, CandidateCount);
        Grow(ref _slots, slots);
        SlotCount = slots;
    }

    /// <summary>An empty hash table with room for a number of entries: a power of two, at most half full.</summary>
    public Span<int> UnionTable(int entries)
    {
        var size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, 2 * entries));
        Grow(ref _table, size);
        var table = _table.AsSpan(0, size);
        table.Clear();
        return table;
    }

    /// <summary>Whether it is small enough to be kept for the next request.</summary>
    public bool IsModest =>
        Body.CapacityBytes + Answer.Capacity + Record.Capacity + _ids.Length + (_floats.Length * sizeof(float))
        + (_candidates.Length * Unsafe.SizeOf<Candidate>()) <= RetainedBytesMax;

    /// <inheritdoc/>
    public void Dispose() => Json.Dispose();

    private void Keep(ReadOnlySpan<ActionKey> sorted, bool listed)
    {
        var kept = 0;
        for (var i = 0; i < CandidateCount; i++)
        {
            if (sorted.BinarySearch(_candidates[i].Key) >= 0 == listed)
                _candidates[kept++] = _candidates[i];
        }
        CandidateCount = kept;
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[Math.Max(length, 2 * array.Length)];
    }
}

/// <summary>Lends workspaces.</summary>
public sealed class WorkspacePool
{
    private readonly Microsoft.Extensions.ObjectPool.ObjectPool<DecisionWorkspace> _pool =
        new Microsoft.Extensions.ObjectPool.DefaultObjectPool<DecisionWorkspace>(new Policy(), maximumRetained: 8 * Environment.ProcessorCount);

    /// <summary>Borrows one.</summary>
    public DecisionWorkspace Rent() => _pool.Get();

    /// <summary>Gives it back.</summary>
    public void Return(DecisionWorkspace workspace) => _pool.Return(workspace);

    private sealed class Policy : Microsoft.Extensions.ObjectPool.PooledObjectPolicy<DecisionWorkspace>
    {
        public override DecisionWorkspace Create() => new();

        public override bool Return(DecisionWorkspace obj) => obj.IsModest;
    }
}
