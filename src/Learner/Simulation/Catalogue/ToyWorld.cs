using System.Globalization;
using System.Numerics.Tensors;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The synthetic world in which the specification of Online Matching compares policies (its Appendix A). Centroids are random directions; an item is a
/// centroid with noise and has a hidden quality q; the graph knows the items through vectors with noise of their own. A user is a centroid with noise and
/// likes an item with probability σ(−3.2 + 0.9·q + 1.5·⟨item, user⟩).
/// </summary>
public sealed class ToyWorld : ICatalogueWorld
{
    private const double ItemNoise = 0.2, VectorNoise = 0.12, UserNoise = 0.15;
    private const double Level = -3.2, QualityWeight = 0.9, AffinityWeight = 1.5;
    private const ulong WorldPurpose = 6, FreshPurpose = 7;

    private readonly ToyWorldSettings _settings;
    private readonly float[][] _centroids;
    private readonly float[][] _items;
    private readonly double[] _qualities;
    private readonly Dictionary<ActionKey, int> _itemOf;
    private readonly GrowingGraph _graph;
    private readonly Candidate[] _buffer;
    private readonly int[] _scratch;
    private readonly ClusterWeight[] _membership;

    /// <summary>Builds the world. A function of its arguments alone.</summary>
    /// <param name="settings">Sizes.</param>
    /// <param name="seed">Of everything in it.</param>
    /// <param name="rounds">Of the run, over whose middle half the fresh items arrive; does not matter where there are none.</param>
    public ToyWorld(ToyWorldSettings settings, long seed, long rounds = 0)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _settings = settings;
        var random = SeededRandom.For(seed, WorldPurpose);
        _centroids = new float[settings.Clusters][];
        for (var c = 0; c < _centroids.Length; c++)
            _centroids[c] = Near(new float[ToyWorldSettings.Dimension], 1, random);
        _items = new float[settings.Items][];
        _qualities = new double[settings.Items];
        var catalogue = new CatalogueItem[settings.Items];
        for (var i = 0; i < settings.Items; i++)
        {
            _items[i] = Near(_centroids[random.NextInteger(settings.Clusters)], ItemNoise, random);
            var known = Near(_items[i], VectorNoise, random);
            _qualities[i] = random.NextNormal();
            var id = Encoding.UTF8.GetBytes(i.ToString(CultureInfo.InvariantCulture));
            catalogue[i] = new CatalogueItem(id, ActionKey.Of(id), new FeatureSet(default, known), []);
        }
        _itemOf = Enumerable.Range(0, settings.Items).ToDictionary(i => catalogue[i].Key);
        var order = Enumerable.Range(0, settings.Items).ToArray();
        SeededRandom.For(seed, FreshPurpose).Shuffle(order);
        Fresh = new FreshSchedule([.. order.Take((int)(settings.Fresh * settings.Items)).Select(i => catalogue[i].Key)], rounds);
        _graph = new GrowingGraph(_centroids, catalogue, settings.ItemsPerCluster, Fresh);
        // Room for everything that the clusters of a user may propose, newcomers included: nothing is left out for lack of it.
        _buffer = new Candidate[Math.Min(settings.Items, 2 * settings.ClustersPerUser * settings.ItemsPerCluster)];
        _scratch = new int[ClusterGraph.ScratchLength(_buffer.Length)];
        _membership = new ClusterWeight[Math.Min(settings.ClustersPerUser, settings.Clusters)];
    }

    /// <inheritdoc/>
    public FeatureSchema Features => _settings.Features;

    /// <inheritdoc/>
    public FreshSchedule Fresh { get; }

    /// <inheritdoc/>
    public HeldOutFit? HeldOut => null;

    /// <summary>Edges of the graph at the start.</summary>
    public long Edges => _graph.At(0).Edges;

    /// <inheritdoc/>
    public CatalogueVisitor Arrive(SeededRandom arrivals, long round)
    {
        ArgumentNullException.ThrowIfNull(arrivals);
        var user = Near(_centroids[arrivals.NextInteger(_centroids.Length)], UserNoise, arrivals);
        var graph = _graph.At(round);
        // Where newcomers take turns, whose turn it is changes from round to round.
        var rotation = Fresh.Count > 0 ? arrivals.NextBits() : 0;
        var clusters = _membership[..graph.AssignClusters(user, _settings.ClustersPerUser, _settings.Temperature, _membership)];
        var candidates = _buffer[..graph.Propose(clusters, now: 0, rotation, _buffer, _scratch)];
        var probabilities = Array.ConvertAll(candidates, c => Probability(_itemOf[c.Key], user));
        if (_settings.Context == CatalogueContext.Vectors)
            return CatalogueVisitor.Of(new FeatureSet(default, user), clusters, candidates, probabilities);
        candidates = Array.ConvertAll(candidates, static c => c with { Features = default });
        return CatalogueVisitor.Of(new FeatureSet(default, CatalogueVisitor.Weights(clusters, _settings.Clusters)), clusters, candidates, probabilities);
    }

    private float Probability(int item, float[] user)
    {
        var affinity = TensorPrimitives.Dot<float>(_items[item], user);
        return (float)(1 / (1 + Math.Exp(-(Level + QualityWeight * _qualities[item] + AffinityWeight * affinity))));
    }

    /// <summary>A direction near another one: normal noise on every coordinate, scaled to length 1.</summary>
    private static float[] Near(float[] centre, double noise, SeededRandom random)
    {
        var vector = Array.ConvertAll(centre, x => (float)(x + noise * random.NextNormal()));
        TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
        return vector;
    }
}
