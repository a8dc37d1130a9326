using Recsys.Bandits.Features;
using Xunit;

namespace Recsys.Bandits.Tests.Features;

public sealed class FeatureSchemaTests
{
    [Fact]
    public void Fingerprint_tells_every_shape_apart()
    {
        FeatureSchema[] schemas =
        [
            new(), new(ContextVector: 1), new(ActionVector: 1), new(ContextHashBits: 13), new(ActionHashBits: 13), new(1, 12, 1, 12), new(12, 1, 12, 1), new(0, 13, 0, 13),
        ];
        Assert.Equal(schemas.Length, schemas.Select(static s => s.Fingerprint).Distinct().Count());
        Assert.Equal(new FeatureSchema().Fingerprint, new FeatureSchema().Fingerprint);
    }

    [Fact]
    public void ToOwned_copies()
    {
        var (sparse, dense) = (new SparseFeature[] { new(1, 2) }, new float[] { 3 });
        var owned = new FeatureSet(sparse, dense).ToOwned();
        (sparse[0], dense[0]) = (default, 0);
        Assert.Equal(new SparseFeature(1, 2), owned.Sparse.Span[0]);
        Assert.Equal(3, owned.Dense.Span[0]);
    }
}
