using System.Diagnostics;
using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>Waiting for what another process does in its own time.</summary>
public static class Eventually
{
    /// <summary>Far more than anything takes: a machine busy with something else must not fail a test.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Asks until the answer is yes.</summary>
    /// <param name="condition">Asked again and again.</param>
    /// <param name="what">What is waited for, as the failure should say it; asked when it fails.</param>
    public static async Task IsTrueAsync(Func<Task<bool>> condition, Func<string> what)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            if (waited.Elapsed > Patience)
                Assert.Fail($"Within {Patience.TotalSeconds} s it did not happen that {what()}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }
}
