using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// The serving side of an experiment's error memory: what all partitions have seen, the keys to look it up with, and how much it is believed. Corrects what a policy
/// estimates, before it explores. Immutable, thread-safe; correcting allocates nothing.
/// </summary>
/// <remarks>
/// Newer keys are served from once they hold half a window of samples, or as many as the older ones. A picture is a function of what the partitions have published,
/// whichever deltas it was made by.
/// </remarks>
public sealed class MemoryPicture
{
    private const int StackCandidates = 128;
    private readonly PolicySpec _spec;
    private readonly IReadOnlyDictionary<int, Partition> _partitions;
    private readonly IReadOnlyDictionary<KeySpace, FrozenMemory> _memories;
    // What there are keys for, the newest last; each with what it holds.
    private readonly Space[] _open;
    private readonly Space? _serving;

    private MemoryPicture(
        MemoryOptions options, PolicySpec spec, IReadOnlyDictionary<int, Partition> partitions, IReadOnlyDictionary<KeySpace, FrozenMemory> memories, Space[] known)
    {
        (Options, _spec, _partitions, _memories) = (options, spec, partitions, memories);
        Version = partitions.Values.Sum(static p => p.Interactions);
        // One maker of keys: the lowest partition that has any.
        var keys = partitions.OrderBy(static p => p.Key).Select(static p => p.Value.Keys).FirstOrDefault(static k => k.Count > 0) ?? [];
        var trust = TrustOf(partitions.Values);
        _open = [.. keys.Select(k =>
        {
            var earlier = Array.Find(known, s => s.Keys.Space == k.Space);
            var memory = memories.GetValueOrDefault(k.Space) ?? earlier?.Nothing ?? FrozenMemory.Empty(options);
            return new Space(
                k, earlier?.Hash ?? new SimHash(options.Shape, k.Dimension, options.Seed), memory.Believed(trust), earlier?.Nothing ?? FrozenMemory.Empty(options));
        })];
        _serving = Serving(_open);
        if (_serving == _open.LastOrDefault() && _open.Length > 1)
            _open = [_serving!];
    }

    /// <summary>What is held.</summary>
    public MemoryOptions Options { get; }

    /// <summary>Interactions that partitions have seen.</summary>
    public long Version { get; }

    /// <summary>Samples that are read.</summary>
    public double Entries => _serving?.Memory.Entries ?? 0;

    /// <summary>Nothing is known.</summary>
    public static MemoryPicture Empty(MemoryOptions options, PolicySpec spec)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(spec);
        options.Validate();
        return new MemoryPicture(options, spec, new Dictionary<int, Partition>(), new Dictionary<KeySpace, FrozenMemory>(), []);
    }

    /// <summary>The picture after what partitions have written. This one stays as it is.</summary>
    /// <param name="shards">What <see cref="MemoryLearner.Write(IBufferWriter{byte})"/> wrote, which replaces all that is known of its partition, or
    /// <see cref="MemoryLearner.TryWriteDelta"/>, each over the last of its partition.</param>
    /// <param name="whole">Which of the two.</param>
    /// <exception cref="SnapshotFormatException">A payload is neither, or of other settings, or does not continue what is known.</exception>
    public MemoryPicture With(IReadOnlyList<PolicyShard> shards, bool whole)
    {
        ArgumentNullException.ThrowIfNull(shards);
        var partitions = new SortedDictionary<int, Partition>(_partitions.ToDictionary());
        var memories = new Dictionary<KeySpace, FrozenMemory>(_memories);
        foreach (var shard in shards)
        {
            var read = Read(Options, _spec, shard.Parameters.Span, whole);
            var before = partitions.GetValueOrDefault(shard.Partition);
            if (before is null && !whole)
                throw new SnapshotFormatException($"Error memory is damaged: nothing is known of partition {shard.Partition}, which has sent a delta.");
            partitions[shard.Partition] = new Partition(
                shard.Interactions, read.Weights ?? [], read.Keys ?? before!.Keys, [.. read.Parts.Spaces.Select(static s => s.Space)]);
            foreach (var (space, change) in read.Parts.Spaces)
                memories[space] = (memories.GetValueOrDefault(space) ?? FrozenMemory.Empty(Options)).With(new MemoryShard(shard.Partition, change));
            foreach (var left in before?.Spaces ?? [])
            {
                if (!partitions[shard.Partition].Spaces.Contains(left))
                    memories[left] = memories[left].Without(shard.Partition);
            }
        }
        foreach (var space in memories.Keys.Where(space => !partitions.Values.Any(p => p.Spaces.Contains(space))).ToList())
            memories.Remove(space);
        return new MemoryPicture(Options, _spec, partitions, memories, _open);
    }

    /// <summary>Reads a payload as <see cref="With"/> would, and does nothing with it.</summary>
    /// <exception cref="SnapshotFormatException">It is no such payload; the message says where.</exception>
    public static void Verify(MemoryOptions options, PolicySpec spec, ReadOnlySpan<byte> payload, bool whole) => _ = Read(options, spec, payload, whole);

    /// <summary>Corrects what a policy expects.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">In and out: length K, expected rewards in the experiment's own units. Bit by bit as they were where there is no evidence, or λ is 0.</param>
    /// <param name="corrections">Length K, written: what was added.</param>
    /// <returns>Candidates with evidence.</returns>
    public int Correct(in DecisionQuery query, Span<float> means, Span<float> corrections)
    {
        var count = query.Candidates.Length;
        means = means[..count];
        corrections = corrections[..count];
        corrections.Clear();
        if (_serving is not { Memory.Entries: > 0 } serving)
            return 0;
        float[]? rented = null;
        var scratch = count <= StackCandidates ? stackalloc float[3 * StackCandidates] : (rented = ArrayPool<float>.Shared.Rent(3 * count));
        var expected = scratch[..count];
        var corrected = scratch.Slice(count, count);
        var evidence = scratch.Slice(2 * count, count);
        var (minimum, range) = (_spec.Reward.Minimum, _spec.Reward.Maximum - _spec.Reward.Minimum);
        for (var i = 0; i < count; i++)
            expected[i] = (float)((means[i] - minimum) / range);
        serving.Read(_spec, query, expected, corrected, evidence);
        var hits = 0;
        for (var i = 0; i < count; i++)
        {
            if (!(evidence[i] > 0))
                continue;
            hits++;
            if (corrected[i] == expected[i])
                continue;
            var mean = (float)_spec.Reward.Denormalize(corrected[i]);
            corrections[i] = mean - means[i];
            means[i] = mean;
        }
        if (rented is not null)
            ArrayPool<float>.Shared.Return(rented);
        return hits;
    }

    /// <summary>Says what the memory said of the chosen actions, and where what comes of them belongs.</summary>
    /// <param name="query">As it was corrected.</param>
    /// <param name="chosen">The filled positions.</param>
    /// <param name="means">As they were corrected.</param>
    /// <param name="corrections">What was added.</param>
    /// <param name="traces">Written; nothing where there are no keys yet.</param>
    public void Trace(in DecisionQuery query, ReadOnlySpan<ChosenSlot> chosen, ReadOnlySpan<float> means, ReadOnlySpan<float> corrections, TraceBuffer traces)
    {
        ArgumentNullException.ThrowIfNull(traces);
        if (_serving is null)
        {
            traces.Clear();
            return;
        }
        Span<KeySpace> spaces = stackalloc KeySpace[MemoryTrace.AddressesMax];
        for (var s = 0; s < _open.Length; s++)
            spaces[s] = _open[s].Keys.Space;
        traces.Prepare(chosen.Length, Options.Shape.Arrays, spaces[.._open.Length]);
        for (var i = 0; i < chosen.Length; i++)
        {
            var action = chosen[i].Action;
            var one = new DecisionQuery(query.Context, query.Candidates.Slice(action, 1), query.Clusters);
            var numbers = traces.Numbers(i);
            (numbers[0], numbers[1]) = (means[action] - corrections[action], means[action]);
            for (var s = 0; s < _open.Length; s++)
            {
                var codes = traces.Codes(i, s);
                _open[s].Locate(_spec, one, codes);
                if (_open[s] == _serving)
                    (numbers[2], numbers[3]) = _serving.Memory.Look(codes);
            }
        }
    }

    private Space? Serving(Space[] open)
    {
        if (open.Length < 2)
            return open.FirstOrDefault();
        var (older, newer) = (open[^2], open[^1]);
        return newer.Memory.Entries >= Math.Min(Options.Window / 2.0, older.Memory.Entries) ? newer : older;
    }

    /// <summary>Each partition's experts have seen its own rewards; their mean is believed.</summary>
    private MemoryTrust TrustOf(IEnumerable<Partition> partitions)
    {
        if (Options.Evidence is { } evidence)
            return MemoryTrust.Of(evidence);
        var known = partitions.Where(static p => p.Weights.Length > 0).ToList();
        var mean = new double[TrustLearner.Evidence.Length];
        foreach (var partition in known)
        {
            for (var i = 0; i < mean.Length; i++)
                mean[i] += partition.Weights[i] / known.Count;
        }
        return MemoryTrust.Of(TrustLearner.Evidence, mean);
    }

    private static ReadShard Read(MemoryOptions options, PolicySpec spec, ReadOnlySpan<byte> payload, bool whole)
    {
        var lineage = options.Lineage(spec.Fingerprint);
        var reader = new StateReader(payload, "Error memory");
        reader.Require((ulong)reader.Long() == lineage, "it was made under other settings");
        _ = reader.Long(0, long.MaxValue);
        double[]? weights = null;
        if (reader.Long(0, 1) == 1)
        {
            var trust = new TrustLearner(options with { Evidence = null });
            trust.Read(ref reader);
            weights = trust.Weights.ToArray();
        }
        var parts = new MemoryParts(ref reader, lineage, options.Shape, keysMayBeAbsent: !whole);
        reader.End();
        foreach (var (_, change) in parts.Spaces)
            reader.Require(!whole || change.IsWhole, "a delta is no state");
        return new ReadShard(parts, weights, parts.Keys?.Select(k => FrozenKeys.Read(k.Bytes, spec)).ToArray());
    }

    private sealed record ReadShard(MemoryParts Parts, double[]? Weights, IReadOnlyList<FrozenKeys>? Keys);

    private sealed record Partition(long Interactions, double[] Weights, IReadOnlyList<FrozenKeys> Keys, IReadOnlyList<KeySpace> Spaces);

    /// <summary>Keys and what is looked up with them.</summary>
    /// <param name="Keys">Make vectors.</param>
    /// <param name="Hash">Makes codes of them.</param>
    /// <param name="Memory">What the codes lead to.</param>
    /// <param name="Nothing">An empty memory, to begin with.</param>
    private sealed record Space(FrozenKeys Keys, SimHash Hash, FrozenMemory Memory, FrozenMemory Nothing)
    {
        private const int CodesOnStack = 256;

        /// <summary>Corrects all candidates in one read.</summary>
        public void Read(PolicySpec spec, in DecisionQuery query, ReadOnlySpan<float> expected, Span<float> corrected, Span<float> evidence)
        {
            var (count, arrays) = (query.Candidates.Length, Hash.Shape.Arrays);
            var known = 0;
            foreach (ref readonly var candidate in query.Candidates)
                known += FrozenKeys.Know(spec, candidate) ? 1 : 0;
            var rows = known == 0 ? 1 : count;
            var vectors = ArrayPool<float>.Shared.Rent(rows * Keys.Dimension);
            var codes = ArrayPool<ushort>.Shared.Rent(rows * arrays);
            var row = vectors.AsSpan(0, rows * Keys.Dimension);
            var code = codes.AsSpan(0, rows * arrays);
            Keys.Fill(query, row);
            Hash.Hash(row, [], code);
            if (known == 0)
            {
                var actions = ArrayPool<ActionKey>.Shared.Rent(count);
                for (var i = 0; i < count; i++)
                    actions[i] = query.Candidates[i].Key;
                Memory.Read(code, actions.AsSpan(0, count), expected, corrected, evidence);
                ArrayPool<ActionKey>.Shared.Return(actions);
            }
            else
            {
                if (known < count)
                    SaltUnknown(spec, query, code);
                Memory.Read(code, expected, corrected, evidence);
            }
            ArrayPool<float>.Shared.Return(vectors);
            ArrayPool<ushort>.Shared.Return(codes);
        }

        /// <summary>Codes of the one candidate of a query.</summary>
        public void Locate(PolicySpec spec, in DecisionQuery query, Span<ushort> codes)
        {
            var vector = ArrayPool<float>.Shared.Rent(Keys.Dimension);
            var row = vector.AsSpan(0, Keys.Dimension);
            Keys.Fill(query, row);
            Hash.Hash(row, [], codes);
            ArrayPool<float>.Shared.Return(vector);
            if (!FrozenKeys.Know(spec, query.Candidates[0]))
                ActionSalt.Apply(Hash.Shape, codes, query.Candidates[0].Key, codes);
        }

        /// <summary>Candidates without features among others with: each has the vector of the context alone.</summary>
        private void SaltUnknown(PolicySpec spec, in DecisionQuery query, Span<ushort> codes)
        {
            var count = query.Candidates.Length;
            Span<ushort> own = stackalloc ushort[CodesOnStack];
            own = own[..Hash.Shape.Arrays];
            for (var r = 0; r < count; r++)
            {
                if (FrozenKeys.Know(spec, query.Candidates[r]))
                    continue;
                for (var k = 0; k < own.Length; k++)
                    own[k] = codes[k * count + r];
                ActionSalt.Apply(Hash.Shape, own, query.Candidates[r].Key, own);
                for (var k = 0; k < own.Length; k++)
                    codes[k * count + r] = own[k];
            }
        }
    }
}
