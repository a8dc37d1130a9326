using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation.Classification;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>Short runs on public data; skipped visibly where the data is not at hand.</summary>
public sealed class RealDataTests
{
    [Theory]
    [InlineData("mushroom", 8124, 2, 117)]
    [InlineData("magic", 19020, 2, 10)]
    [InlineData("adult", 48842, 2, 108)]
    [InlineData("pendigits", 10992, 10, 16)]
    public void Read_gives_the_shape_that_the_source_documents(string set, int rows, int classes, int features)
    {
        var data = ClassificationFile.Read(Find($"classification/{set}/data.csv.gz"));
        Assert.Equal((rows, classes, features), (data.Labels.Count, data.Classes.Count, data.Features));
    }

    [Theory]
    [InlineData("mushroom", "lin-ucb", 150)]
    [InlineData("mushroom", "linear-square-cb", 300)]
    [InlineData("pendigits", "lin-ucb", 900)]
    [InlineData("pendigits", "linear-square-cb", 1000)]
    public void Run_regret_of_a_short_run_stays_low(string set, string kind, int most)
    {
        Assert.SkipUnless(PolicyCatalog.Kinds.ContainsKey(kind), $"The catalog has no '{kind}'.");
        var data = ClassificationFile.Read(Find($"classification/{set}/data.csv.gz"));
        var result = ClassificationSimulation.Run(data, new ClassificationOptions(kind, Rounds: 2000, Seed: 1));
        Assert.InRange(result.Regret, 0, most);
    }

    /// <summary>A file below RECSYS_DATA, or below the data directory that lies beside the repository's own.</summary>
    internal static string Find(string file)
    {
        var configured = Environment.GetEnvironmentVariable("RECSYS_DATA");
        var directories = new List<string>();
        if (!string.IsNullOrEmpty(configured))
            directories.Add(configured);
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Recsys.sln")))
                directories.Add(Path.Combine(at.FullName, "..", "shared", "data"));
        var found = directories.Select(d => Path.Combine(d, file)).FirstOrDefault(File.Exists);
        if (found is null)
            Assert.Skip($"{file} is not at hand; set RECSYS_DATA to the directory of the public data sets.");
        return found;
    }
}
