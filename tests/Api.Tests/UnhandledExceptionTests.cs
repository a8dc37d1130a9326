using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Recsys.Api.Problems;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>What is a fault of the service and what is not.</summary>
public sealed class UnhandledExceptionTests
{
    [Fact]
    public async Task Client_that_resets_its_connection_is_no_fault_and_gets_no_answer()
    {
        var log = new Recorder();
        foreach (var gone in (Exception[])[new ConnectionResetException("reset"), new ConnectionAbortedException("aborted")])
        {
            var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
            Assert.True(await new UnhandledExceptionHandler(log).TryHandleAsync(context, gone, TestContext.Current.CancellationToken));
            Assert.Equal(0, context.Response.Body.Length);
        }
        Assert.Equal(0, log.Entries);
    }

    [Fact]
    public async Task Fault_is_logged_and_answered_without_its_text()
    {
        var log = new Recorder();
        var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
        Assert.True(await new UnhandledExceptionHandler(log).TryHandleAsync(context, new InvalidOperationException("secret"), TestContext.Current.CancellationToken));
        Assert.Equal((1, 500), (log.Entries, context.Response.StatusCode));
        context.Response.Body.Position = 0;
        Assert.DoesNotContain("secret", await new StreamReader(context.Response.Body).ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private sealed class Recorder : ILogger<UnhandledExceptionHandler>
    {
        public int Entries { get; private set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Entries++;
    }
}
