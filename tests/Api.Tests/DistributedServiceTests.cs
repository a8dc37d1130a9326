using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>The loop over two Apis, two learners, a broker and a Redis.</summary>
[Collection(DistributedCollection.Name)]
public sealed class DistributedServiceTests(DistributedDeployment deployment) : ServedLoopTests(deployment);

/// <summary>The tests that share one distributed deployment; starting it takes longer than most of them.</summary>
[CollectionDefinition(Name)]
public sealed class DistributedCollection : ICollectionFixture<DistributedDeployment>
{
    public const string Name = "distributed";
}
