using Microsoft.AspNetCore.Http;
using Recsys.Api.Experiments;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>A replica that has not read its experiments yet does not claim that there are none.</summary>
public sealed class UnknownYetTests
{
    [Theory]
    [InlineData("POST", "/v1/experiments/shop/decisions")]
    [InlineData("POST", "/v1/experiments/shop/decisions/d/reward")]
    [InlineData("PUT", "/v1/experiments/shop")]
    [InlineData("GET", "/v1/experiments")]
    public async Task Request_about_experiments_is_to_come_back_until_they_were_read(string method, string path)
    {
        var registry = new ExperimentRegistry(null!);
        var before = await AnswerAsync(registry, method, path);
        Assert.Equal((503, "1"), (before.StatusCode, before.Headers.RetryAfter.ToString()));
        Assert.True(registry.Apply([], registry.LocalChanges));
        Assert.Equal(StatusCodes.Status418ImATeapot, (await AnswerAsync(registry, method, path)).StatusCode);
    }

    [Fact]
    public async Task Probe_is_answered_all_the_same() =>
        Assert.Equal(StatusCodes.Status418ImATeapot, (await AnswerAsync(new ExperimentRegistry(null!), "GET", "/health/ready")).StatusCode);

    private static async Task<HttpResponse> AnswerAsync(ExperimentRegistry registry, string method, string path)
    {
        var context = new DefaultHttpContext { Request = { Method = method, Path = path } };
        await new UnknownYetMiddleware(
            static passed =>
            {
                passed.Response.StatusCode = StatusCodes.Status418ImATeapot;
                return Task.CompletedTask;
            },
            registry).InvokeAsync(context);
        return context.Response;
    }
}
