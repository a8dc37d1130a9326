using System.Diagnostics;
using Recsys.Infrastructure.Local;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>One directory, one process.</summary>
public sealed class DataDirectoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Open_twice_in_one_process_refuses_until_given_up()
    {
        using (new DataDirectory(_directory.Path))
        {
            var problem = Assert.Throws<DataDirectoryException>(() => new DataDirectory(_directory.Path));
            Assert.Contains(_directory.Path, problem.Message, StringComparison.Ordinal);
        }
        using var again = new DataDirectory(_directory.Path);
    }

    [Fact]
    public async Task Open_held_by_another_process_refuses_until_that_ends()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Uses the flock command of Linux as the other process.");
        new DataDirectory(_directory.Path).Dispose();
        using var other = Process.Start(new ProcessStartInfo("flock", [_directory["lock"], "sh", "-c", "echo held; cat"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("held", await other.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Throws<DataDirectoryException>(() => new DataDirectory(_directory.Path));
        other.StandardInput.Close();
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);
        using var again = new DataDirectory(_directory.Path);
    }

    [Fact]
    public void Open_removes_what_interrupted_writes_left()
    {
        new DataDirectory(_directory.Path).Dispose();
        var leftover = _directory["experiments", "home.json.tmp"];
        File.WriteAllText(leftover, "{");
        using var again = new DataDirectory(_directory.Path);
        Assert.False(File.Exists(leftover));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("-a")]
    [InlineData("Home")]
    public void CheckName_anything_that_is_no_experiment_name_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => DataDirectory.CheckName(name));
}
