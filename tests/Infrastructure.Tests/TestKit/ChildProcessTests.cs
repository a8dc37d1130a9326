using Recsys.TestKit;
using Xunit;

namespace Recsys.Infrastructure.Tests.TestKit;

/// <summary>The tool that other tests trust: tried on this very test program.</summary>
public sealed class ChildProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static ChildProcess Waiting() => ChildProcess.StartDotnet(typeof(ChildProcessTests).Assembly.Location, ["-waitForDebugger"]);

    [Fact]
    public async Task Output_and_exit_code_are_captured()
    {
        using var child = ChildProcess.StartDotnet("--info", [], [new("DOTNET_NOLOGO", "1")]);
        Assert.Contains("SDKs installed", await child.WaitForLineAsync("SDKs installed", Patience), StringComparison.Ordinal);
        Assert.Equal(0, await child.WaitForExitAsync(Patience));
        var problem = await Assert.ThrowsAsync<TimeoutException>(() => child.WaitForLineAsync("no such line", Patience));
        Assert.Contains("SDKs installed", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Running_child_can_be_asked_to_end()
    {
        using var child = Waiting();
        await child.WaitForLineAsync("debugger", Patience);
        Assert.False(child.HasExited);
        Assert.NotEqual(0, await child.TerminateAsync(Patience));
        Assert.True(child.HasExited);
    }

    [Fact]
    public async Task Running_child_can_be_killed()
    {
        using var child = Waiting();
        await child.WaitForLineAsync("debugger", Patience);
        child.Kill();
        Assert.Equal(137, child.ExitCode);
    }
}
