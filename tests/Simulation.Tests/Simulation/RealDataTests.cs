using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation.Catalogue;
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
    [InlineData("mushroom", "lin-ucb", 1000, 150)]
    [InlineData("mushroom", "linear-square-cb", 1000, 150)]
    [InlineData("pendigits", "lin-ucb", 2000, 900)]
    [InlineData("pendigits", "linear-square-cb", 2000, 1000)]
    public void Run_regret_of_a_short_run_stays_low(string set, string kind, int rounds, int most)
    {
        Assert.SkipUnless(PolicyCatalog.Kinds.ContainsKey(kind), $"The catalog has no '{kind}'.");
        var data = ClassificationFile.Read(Find($"classification/{set}/data.csv.gz"));
        var result = ClassificationSimulation.Run(data, new ClassificationOptions(kind, rounds, Seed: 1));
        Assert.InRange(result.Regret, 0, most);
    }

    [Theory]
    [InlineData("ml-latest-small", 610, 9724, 100_836)]
    [InlineData("ml-100k", 943, 1682, 100_000)]
    public void Catalogue_is_built_from_real_ratings_and_there_is_something_to_learn(string set, int users, int items, int count)
    {
        var ratings = RatingsFile.Read(Find($"ratings/{set}/ratings.csv.gz"));
        Assert.Equal((users, items, count), (ratings.Users.Count, ratings.Items.Count, ratings.All.Count));
        var world = CatalogueWorld.Build(ratings, CatalogueSettings.Default, seed: 1);
        // Predicting the mean rating of each movie leaves an error of about 0.95 to 1.05 stars on both sets.
        Assert.InRange(world.HeldOut.RatingError, 0.8, 0.95);
        Assert.InRange(world.HeldOut.ConstantLogLoss - world.HeldOut.LogLoss, 0.1, 0.2);
        Assert.InRange(world.Truth.Slope, 1.5, 3.5);
        var result = CatalogueSimulation.Run(world, new CatalogueOptions("uniform", Rounds: 5000, Seed: 1));
        Assert.InRange(result.BestReward - result.UniformReward, 0.05, 0.4);
        Assert.InRange(result.Attained, -0.05, 0.05);
    }

    [Theory]
    [InlineData("ml-latest-small")]
    [InlineData("ml-100k")]
    public void Diag_lin_ucb_is_ahead_of_epsilon_greedy_on_vectors(string set)
    {
        var world = CatalogueWorld.Build(RatingsFile.Read(Find($"ratings/{set}/ratings.csv.gz")), CatalogueSettings.Default, seed: 1);
        double Attained(string kind) => CatalogueSimulation.Run(world, new CatalogueOptions(kind, Rounds: 20_000, Seed: 1)).Attained;
        Assert.InRange(Attained("diag-lin-ucb") - Attained("epsilon-greedy"), 0.02, 1);
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
