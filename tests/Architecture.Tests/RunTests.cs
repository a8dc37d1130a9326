using Recsys.TestKit;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>What <c>dotnet run --project</c> does with a host of this repository.</summary>
public sealed class RunTests
{
    [Theory]
    [InlineData("src/Api/Recsys.Api.csproj")]
    [InlineData("src/Learner/Recsys.Learner.csproj")]
    public async Task Relative_paths_start_where_the_user_is(string project)
    {
        var here = Directory.CreateTempSubdirectory("recsys-run-").FullName;
        try
        {
            using var build = ChildProcess.StartDotnet("msbuild", [Path.Combine(Repository.Root, project), "-getProperty:RunWorkingDirectory"], workingDirectory: here);
            Assert.Equal(here, (await build.WaitForLineAsync(static line => line.Length > 0, TimeSpan.FromMinutes(2))).Trim().TrimEnd(Path.DirectorySeparatorChar));
        }
        finally
        {
            Directory.Delete(here, recursive: true);
        }
    }
}
