using System.Buffers;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>An edge of the graph: a user cluster and an item.</summary>
/// <param name="Cluster">Index of the cluster.</param>
/// <param name="Item">Hash of the item's id.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct Edge(int Cluster, ulong Item)
{
    internal static int Compare(Edge a, Edge b) => a.Cluster != b.Cluster ? a.Cluster.CompareTo(b.Cluster) : a.Item.CompareTo(b.Item);
}

/// <summary>Sums of one edge in fixed point, so that adding them in any order gives the same bits.</summary>
/// <param name="Square">Σ w², in units of 2⁻²⁰: d of the paper.</param>
/// <param name="Weight">Σ w, in units of 2⁻²⁰.</param>
/// <param name="Reward">Σ w·r over normalised rewards, in units of 2⁻²⁰: b of the paper.</param>
/// <param name="Count">Interactions.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct EdgeSums(long Square, long Weight, long Reward, long Count)
{
    internal const double Scale = 1 << 20;

    /// <summary>The sum of two.</summary>
    public static EdgeSums operator +(EdgeSums a, EdgeSums b) => new(a.Square + b.Square, a.Weight + b.Weight, a.Reward + b.Reward, a.Count + b.Count);

    /// <summary>The same as the operator.</summary>
    public static EdgeSums Add(EdgeSums left, EdgeSums right) => left + right;
}

/// <summary>Adds up edges of one partition (Diag-LinUCB, arXiv 2307.15893, Algorithm 3: d += w², b += w·r).</summary>
public sealed class DiagLinUcbTrainer(PolicySpec spec) : IPolicyTrainer
{
    /// <summary>Most edges of one partition; beyond it new edges are not learned. Half a gigabyte of state.</summary>
    public const int EdgesMax = 10_000_000;

    private static readonly int EntryBytes = Marshal.SizeOf<Edge>() + Marshal.SizeOf<EdgeSums>();
    private Dictionary<Edge, EdgeSums> _edges = [];

    /// <inheritdoc/>
    public long Interactions { get; private set; }

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            var reward = spec.Reward.Normalize(interaction.Reward);
            foreach (var (cluster, weight) in interaction.Clusters.Span)
            {
                var edge = new Edge(cluster, interaction.Action.Value);
                if (_edges.Count >= EdgesMax && !_edges.ContainsKey(edge))
                    continue;
                ref var sums = ref CollectionsMarshal.GetValueRefOrAddDefault(_edges, edge, out _);
                sums += new EdgeSums(
                    (long)Math.Round(weight * weight * EdgeSums.Scale), (long)Math.Round(weight * EdgeSums.Scale), (long)Math.Round(weight * reward * EdgeSums.Scale), 1);
            }
        }
        Interactions += batch.Length;
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var edges = _edges.ToArray();
        Array.Sort(edges, static (a, b) => Edge.Compare(a.Key, b.Key));
        var span = output.GetSpan(8 + EntryBytes * edges.Length);
        var interactions = Interactions;
        MemoryMarshal.Write(span, in interactions);
        var at = 8;
        foreach (var (edge, sums) in edges)
        {
            MemoryMarshal.Write(span[at..], in edge);
            MemoryMarshal.Write(span[(at + 12)..], in sums);
            at += EntryBytes;
        }
        output.Advance(at);
    }

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => WriteParameters(output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var edges = new Dictionary<Edge, EdgeSums>();
        (Interactions, _edges) = (Read(input, edges), edges);
    }

    internal static long Read(ReadOnlySpan<byte> input, Dictionary<Edge, EdgeSums> into)
    {
        if (input.Length < 8 || (input.Length - 8) % EntryBytes != 0)
            throw new SnapshotFormatException($"Diag-LinUCB parameters of {input.Length} bytes are no whole number of edges.");
        var interactions = MemoryMarshal.Read<long>(input);
        for (var rest = input[8..]; !rest.IsEmpty; rest = rest[EntryBytes..])
        {
            var edge = MemoryMarshal.Read<Edge>(rest);
            var sums = MemoryMarshal.Read<EdgeSums>(rest[12..]);
            if (edge.Cluster < 0 || sums.Count <= 0 || sums.Square < 0 || sums.Weight < 0)
                throw new SnapshotFormatException($"Edge {edge} has impossible sums {sums}.");
            ref var total = ref CollectionsMarshal.GetValueRefOrAddDefault(into, edge, out _);
            total += sums;
        }
        return interactions;
    }
}

/// <summary>
/// Serves Diag-LinUCB: for a user with cluster weights w, an item's width is sqrt(Σ w²/d) over the clusters that have an edge to it (arXiv 2307.15893, eq. 8). Its mean is
/// the paper's Σ w·b/d, or (calibrated) Σ w·b/s with s = Σ w: the diagonal ignores that a user's clusters move together and overstates a reward by about the number of
/// clusters a user is spread over, which a weighted average does not. Either way the prior d0 is added when reading, so that merging partitions never multiplies it.
/// </summary>
internal sealed class DiagLinUcbPolicy(
    PolicyDescriptor descriptor, RewardRange reward, double priorWeight, double priorMean, bool calibrated, FrozenDictionary<Edge, EdgeSums> edges, FlooredExplorer<OptimisticExplorer> explorer) : IPolicy
{
    public PolicyDescriptor Descriptor { get; } = descriptor;

    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        for (var i = 0; i < query.Candidates.Length; i++)
        {
            ref readonly var candidate = ref query.Candidates[i];
            double mean = 0, variance = 0, total = 0;
            for (var k = 0; k < query.Clusters.Length; k++)
            {
                if ((candidate.ClusterMask >> k & 1) == 0)
                    continue;
                var (cluster, w) = query.Clusters[k];
                edges.TryGetValue(new Edge(cluster, candidate.Key.Value), out var sums);
                var d = priorWeight + sums.Square / EdgeSums.Scale;
                mean += w * (priorWeight * priorMean + sums.Reward / EdgeSums.Scale) / (calibrated ? priorWeight + sums.Weight / EdgeSums.Scale : d);
                variance += w * w / d;
                total += w;
            }
            // Clusters without an edge to the item say nothing about it: the weights of those that have one are taken relative to their sum.
            means[i] = (float)reward.Denormalize(total > 0 ? mean / total : priorMean);
            widths[i] = (float)reward.DenormalizeWidth(total > 0 ? Math.Sqrt(variance) / total : Math.Sqrt(1 / priorWeight));
        }
    }

    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
        // An arg max of mean + α·width does not depend on the unit both are in.
        explorer.Distribute(means, widths, propensities);
}

/// <summary>The kind <c>diag-lin-ucb</c>.</summary>
public sealed class DiagLinUcbKind : IPolicyKind
{
    /// <inheritdoc/>
    public string Name => "diag-lin-ucb";

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters { get; } =
    [
        new("alpha", "0.1", "α: widths of optimism (arXiv 2307.15893, eq. 8); larger tries fresh items longer.", 0, 100),
        new("priorWeight", "1", "d0: weight of the prior on every edge, in interactions.", 1e-6, 1e6),
        new("priorMean", "0.5", "Expected normalised reward before the first interaction; afterwards μ0 is the mean over all edges.", 0, 1),
        new("estimate", "calibrated", "Mean of an edge: the paper's b/d (diagonal), or the weighted average b/Σw (calibrated).", Choices: ["calibrated", "diagonal"]),
        new("floor", "0.01", "Probability spread over all candidates alike, so that every propensity is positive.", 0, 1),
    ];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new DiagLinUcbTrainer(spec);

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(shards);
        var edges = new Dictionary<Edge, EdgeSums>();
        long interactions = 0;
        foreach (var shard in shards)
            interactions += DiagLinUcbTrainer.Read(shard.Parameters.Span, edges);
        var explorer = new FlooredExplorer<OptimisticExplorer>(
            new OptimisticExplorer((float)spec.Parameters.Number("alpha"), (float)spec.Parameters.Number("floor")), (float)spec.MinimumPropensity);
        // An edge that nobody has tried is expected to be average: expected to be worse, it would never be tried once α is small.
        long weight = 0, reward = 0;
        foreach (var sums in edges.Values)
            (weight, reward) = (weight + sums.Weight, reward + sums.Reward);
        var priorMean = (spec.Parameters.Number("priorMean") + reward / EdgeSums.Scale) / (1 + weight / EdgeSums.Scale);
        return new DiagLinUcbPolicy(
            new PolicyDescriptor(Name, spec.Fingerprint, interactions), spec.Reward, spec.Parameters.Number("priorWeight"), priorMean,
            spec.Parameters.Choice("estimate") == "calibrated", edges.ToFrozenDictionary(), explorer);
    }
}
