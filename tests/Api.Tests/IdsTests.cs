using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Recsys.Api.Serialization;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>How an id comes out of an address: what is on the wire, beside what routing made of it.</summary>
public sealed class IdsTests
{
    [Theory]
    [InlineData("/v1/experiments/e/decisions/q/reward", "q", "q")]
    [InlineData("/v1/experiments/e/decisions/a%2Fb/reward?x=/1/2", "a%2Fb", "a/b")]
    [InlineData("/v1/experiments/e/decisions/a%252Fb/reward", "a%2Fb", "a%2Fb")]
    [InlineData("/v1/experiments/e/decisions/%C3%A9%20%25/reward", "é %", "é %")]
    [InlineData("/v1/experiments/e/decisions/..%2Fx/reward", "..%2Fx", "../x")]
    [InlineData("/v1/experiments/e/x/../decisions/q/reward", "q", "q")]
    [InlineData("/v1/./experiments/e/decisions/a%2Fb/reward", "a%2Fb", "a/b")]
    [InlineData("http://host/v1/experiments/e/decisions/a%2Fb/reward", "a%2Fb", "a/b")]
    public void Id_is_decoded_once_from_the_wire_and_is_the_one_that_was_routed(string target, string routed, string id)
    {
        var context = new DefaultHttpContext { Request = { RouteValues = { ["decisionId"] = routed } } };
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        Assert.Equal(id, Ids.FromPath(context, "decisionId"));
    }
}
