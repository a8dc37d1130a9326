using CsCheck;
using Recsys.Bandits.Catalogue;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>
/// Random catalogues, of two sorts: whole numbers and centroids along the axes, so that ties are common and exact; and any numbers, where there are none.
/// </summary>
internal static class Catalogues
{
    public static readonly Gen<Sample> Samples = Gen.OneOf(
        Of(Gen.Select(Gen.Int[0, 2], Gen.Int[-2, 2], static (axis, length) => Enumerable.Range(0, 3).Select(d => d == axis ? length : 0f).ToArray()),
            Gen.Int[-3, 3].Select(static v => (float)v).Array[3]),
        Of(Irrational.Array[3], Irrational.Array[3]));

    // Not Gen.Float, which likes simple fractions.
    private static Gen<float> Irrational => Gen.Int[1, 1_000_000].Select(static i => MathF.Sin(i));

    private static Gen<Sample> Of(Gen<float[]> centroid, Gen<float[]> vector) =>
        Gen.Select(centroid.Array[0, 6], Gen.Select(vector, Gen.Bool, Gen.Int[0, 8]).Array[0, 40], Gen.Int[1, 12]).Select(static (centroids, items, width) => new Sample(
            centroids,
            [.. items.Select(static (item, i) => NaiveGraph.Item(
                $"item-{i}", item.Item2 || i % 3 > 0 ? item.Item1 : [], item.Item3 == 0 ? 100 : null, item.Item3 == 1 ? 100 : null))],
            width));

    public sealed record Sample(float[][] Centroids, CatalogueItem[] Items, int ItemsPerCluster)
    {
        public ClusterGraph Build() => GraphBuilder.Build(Centroids, Items, ItemsPerCluster);

        public NaiveGraph Naive() => new(Centroids, Items, ItemsPerCluster);
    }
}
