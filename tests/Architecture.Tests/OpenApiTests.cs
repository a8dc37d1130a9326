using Recsys.Api.OpenApi;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>The description of the API that readers of the repository see is the one that the service serves.</summary>
public sealed class OpenApiTests
{
    [Fact]
    public void Document_in_docs_is_the_one_that_is_served() => Assert.True(
        OpenApiDocument.Create() == Repository.Read("docs/openapi.json"),
        "docs/openapi.json is behind the code. With the service running: curl -s http://127.0.0.1:5080/openapi/v1.json > docs/openapi.json");
}
