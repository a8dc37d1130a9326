using System.Numerics.Tensors;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What a service would know of a catalogue before the first decision: vectors and clusters made from some ratings.</summary>
/// <param name="Users">Vector of every user, length 1.</param>
/// <param name="Items">Numbers of the items of the catalogue, ascending.</param>
/// <param name="Catalogue">Those items with their vectors.</param>
/// <param name="Centroids">Of the user clusters.</param>
internal sealed record OfflineHalf(float[][] Users, int[] Items, CatalogueItem[] Catalogue, IReadOnlyList<float[]> Centroids)
{
    private const int ClusterSweeps = 50;
    private const ulong ClusterPurpose = 3;

    /// <summary>Factorises and clusters.</summary>
    /// <param name="ratings">Gives the ids.</param>
    /// <param name="seen">The ratings that a service would have.</param>
    /// <param name="eligible">Items of the catalogue, of those that were seen.</param>
    /// <param name="settings">With the number of clusters chosen.</param>
    /// <param name="seed">Of the factorisation and the clusters.</param>
    /// <param name="cancellation">Ends the work early.</param>
    public static OfflineHalf Build(
        Ratings ratings, IReadOnlyList<Rating> seen, IReadOnlySet<int> eligible, CatalogueSettings settings, long seed, CancellationToken cancellation)
    {
        var recipe = new FactorizationRecipe(settings.VectorLength, settings.VectorRidge, settings.VectorBiasRidge);
        var known = MatrixFactorization.Fit(ratings.Users.Count, ratings.Items.Count, seen, recipe, seed, cancellation);
        var items = seen.Select(static r => r.Item).Distinct().Where(eligible.Contains).Order().ToArray();
        if (items.Length == 0)
            throw new SimulationOptionsException($"No item has {settings.TruthRatings} ratings that the hidden model is fitted to: 'truthRatings' is too large for this file.");
        var (userVectors, itemVectors) = Vectors(known, ratings.Users.Count, items);
        var centroids = SphericalKMeans.Fit(userVectors, settings.Clusters, SeededRandom.For(seed, ClusterPurpose).NextBits(), ClusterSweeps);
        var catalogue = items.Zip(itemVectors, (item, vector) =>
        {
            var id = Encoding.UTF8.GetBytes(ratings.Items[item]);
            return new CatalogueItem(id, ActionKey.Of(id), new FeatureSet(default, vector), []);
        }).ToArray();
        return new OfflineHalf(userVectors, items, catalogue, centroids);
    }

    /// <summary>
    /// User (p, κ) scaled to length 1 and item (q, b/κ), so that their inner product orders items as the model does, bias included. κ is the root mean square
    /// length of the p, which lets taste and the constant weigh the same in the angle between users. Items share one scale: root mean square length 1.
    /// </summary>
    private static (float[][] Users, float[][] Items) Vectors(MatrixFactorization known, int users, int[] items)
    {
        var rank = known.Rank;
        var dimension = rank + 1;
        double squares = 0;
        for (var user = 0; user < users; user++)
            squares += TensorPrimitives.SumOfSquares(known.User(user)[..rank]);
        var constant = Math.Max(Math.Sqrt(squares / users), 1e-6);

        var userVectors = new float[users][];
        for (var user = 0; user < users; user++)
        {
            var vector = userVectors[user] = new float[dimension];
            for (var k = 0; k < rank; k++)
                vector[k] = (float)known.User(user)[k];
            vector[rank] = (float)constant;
            TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
        }
        var itemVectors = new float[items.Length][];
        squares = 0;
        for (var i = 0; i < items.Length; i++)
        {
            var vector = itemVectors[i] = new float[dimension];
            for (var k = 0; k < rank; k++)
                vector[k] = (float)known.Item(items[i])[k];
            vector[rank] = (float)(known.Item(items[i])[rank] / constant);
            squares += TensorPrimitives.SumOfSquares<float>(vector);
        }
        var length = (float)Math.Sqrt(squares / items.Length);
        foreach (var vector in itemVectors)
            TensorPrimitives.Divide(vector, length > 0 ? length : 1, vector);
        return (userVectors, itemVectors);
    }
}
