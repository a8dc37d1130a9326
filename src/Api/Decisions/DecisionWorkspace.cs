using System.Buffers;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Decisions;

/// <summary>Everything one decision needs between parsing and writing, reused from request to request so that deciding allocates nothing.</summary>
public sealed class DecisionWorkspace
{
    private Candidate[] _candidates = new Candidate[64];
    private byte[] _ids = new byte[4096];
    private int _idBytes;

    /// <summary>The decision id as UTF-8.</summary>
    public ReadOnlyMemory<byte> DecisionId { get; private set; }

    /// <summary>Encoded features.</summary>
    public FeatureBuffer Features { get; } = new();

    /// <summary>The encoded context.</summary>
    public Recsys.Bandits.Features.FeatureSet Context { get; set; }

    /// <summary>Candidates so far.</summary>
    public int CandidateCount { get; set; }

    /// <summary>The candidates; longer than <see cref="CandidateCount"/>.</summary>
    public Candidate[] Candidates => _candidates;

    /// <summary>Ids not to be shown.</summary>
    public HashSet<ActionKey> Excluded { get; } = [];

    /// <summary>Ids listed so far, to find duplicates.</summary>
    public HashSet<ActionKey> Seen { get; } = [];

    /// <summary>Positions wanted.</summary>
    public int Count { get; set; }

    /// <summary>Whether the decision counts at once.</summary>
    public bool Activate { get; set; }

    /// <summary>Whether the request listed actions.</summary>
    public bool ListedActions { get; set; }

    /// <summary>Everything wrong with the request.</summary>
    public List<KeyValuePair<string, string>> Errors { get; } = [];

    /// <summary>The event, written here before it is queued.</summary>
    public ArrayBufferWriter<byte> Event { get; } = new(4096);

    /// <summary>Reused memory of the graph.</summary>
    public ProposalScratch Proposal { get; } = new();

    internal ClusterWeight[] Clusters { get; } = new ClusterWeight[DecisionQuery.ClustersMax];

    internal int ClusterCount { get; set; }

    internal float[] Means { get; private set; } = new float[64];

    internal float[] Widths { get; private set; } = new float[64];

    internal float[] Scratch { get; private set; } = new float[192];

    internal int[] Order { get; private set; } = new int[64];

    internal ChosenSlot[] Slots { get; private set; } = new ChosenSlot[64];

    /// <summary>Forgets the last request and keeps the memory.</summary>
    public void Clear()
    {
        _idBytes = 0;
        CandidateCount = 0;
        ClusterCount = 0;
        Features.Clear();
        Excluded.Clear();
        Seen.Clear();
        Errors.Clear();
        Context = default;
        Count = 1;
        Activate = true;
        ListedActions = false;
        DecisionId = default;
    }

    /// <summary>Makes room for candidates; the arrays grow to the largest request and stay.</summary>
    public void Fit(int candidates)
    {
        if (_candidates.Length < candidates)
            Array.Resize(ref _candidates, Math.Max(candidates, 2 * _candidates.Length));
        if (Means.Length >= _candidates.Length)
            return;
        Means = new float[_candidates.Length];
        Widths = new float[_candidates.Length];
        Scratch = new float[3 * _candidates.Length];
        Order = new int[_candidates.Length];
        Slots = new ChosenSlot[_candidates.Length];
    }

    /// <summary>Keeps an id for the life of this decision.</summary>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> id)
    {
        // Ids handed out before still point to the old array, whose content stays as it is.
        if (_idBytes + id.Length > _ids.Length)
            (_ids, _idBytes) = (new byte[Math.Max(2 * _ids.Length, id.Length)], 0);
        id.CopyTo(_ids.AsSpan(_idBytes));
        var kept = _ids.AsMemory(_idBytes, id.Length);
        _idBytes += id.Length;
        return kept;
    }

    /// <summary>Sets the decision id.</summary>
    public void SetDecisionId(ReadOnlySpan<byte> id) => DecisionId = Keep(id);

    /// <summary>Makes an id from a time-ordered unique number.</summary>
    public void NewDecisionId()
    {
        Span<byte> text = stackalloc byte[36];
        Guid.CreateVersion7().TryFormat(text, out var length);
        DecisionId = Keep(text[..length]);
    }

    /// <summary>The decision id as text.</summary>
    public string DecisionIdText => Encoding.UTF8.GetString(DecisionId.Span);
}
