using System.Text;
using System.Text.Json;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Learner.CommandLine;
using Recsys.Learner.Graph;
using Recsys.Simulation.Tests.Simulation;
using Xunit;

namespace Recsys.Simulation.Tests.Graph;

/// <summary>The verb from its options to the files.</summary>
public sealed class GraphBuildTests : IDisposable
{
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"recsys-graph-{Guid.NewGuid():N}");

    public GraphBuildTests() => Directory.CreateDirectory(_directory);

    private string Out => Path.Combine(_directory, "graph");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Build_writes_what_the_service_takes_and_its_graph_has_the_same_edges()
    {
        var ratings = Given("ratings.csv", SyntheticTables.Ratings(users: 40, items: 30, perUser: 15, seed: 1));
        using var result = await Succeed("--ratings", ratings, "--clusters", "3", "--items-per-cluster", "7", "--dimension", "8", "--epochs", "5", "--holdout", "0.2");
        Assert.Equal(
            ["out", "version", "users", "items", "clusters", "edges", "dimension", "warmStart", "recallAt", "heldOutUsers", "recallTwoTower", "recallPopularity",
                "recallRatingFactorization", "recallImplicitFactorization", "seconds"],
            result.RootElement.EnumerateObject().Select(static p => p.Name));
        Assert.Equal(21, result.RootElement.GetProperty("edges").GetInt32());

        var items = new List<CatalogueItem>();
        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(Out, "items.jsonl")))
        {
            using var entry = JsonDocument.Parse(line);
            var errors = new List<KeyValuePair<string, string>>();
            var read = Recsys.Api.Catalogue.CatalogueEntry.Read(entry.RootElement.GetProperty("id").GetString()!, entry.RootElement, 8, "", errors, alsoAllowed: "id");
            Assert.Empty(errors);
            items.Add(read!.Item);
        }
        var edges = (await File.ReadAllLinesAsync(Path.Combine(Out, "edges.csv"))).Skip(1).Select(static l => l.Split(',')).ToLookup(static e => int.Parse(e[0]), static e => e[1]);
        var problems = new List<KeyValuePair<string, string>>();
        var request = Recsys.Api.Catalogue.ClustersRequest.Read(
            await File.ReadAllBytesAsync(Path.Combine(Out, "clusters.json")), new FeatureSchema(ContextVector: 8, ActionVector: 8), items.Select(static i => i.Key).ToHashSet(),
            problems, out _);
        Assert.Empty(problems);
        Assert.Equal(GraphDirectory.Read(Out)!.Value.Graph.Centroids, request!.Centroids);
        var served = GraphBuilder.Build(new GraphPlan(1, request.Centroids, [], request.Rows), items, 7);
        for (var c = 0; c < 3; c++)
        {
            var ranked = items.Select(i => (Id: Encoding.UTF8.GetString(i.Id.Span), served.EdgesOf(i.Key).FirstOrDefault(e => e.Cluster == c).Rank))
                .Where(static i => i.Rank is not null).OrderBy(static i => i.Rank).Select(static i => i.Id);
            // Items that no cluster of the file names take the places of fresh items in between.
            Assert.Equal(edges[c], ranked.Where(id => edges.SelectMany(static row => row).Contains(id)));
        }
    }

    [Fact]
    public async Task Build_again_continues_the_graph_and_the_same_inputs_give_the_same_bytes()
    {
        var ratings = Given("ratings.csv", SyntheticTables.Ratings(users: 40, items: 30, perUser: 15, seed: 1));
        string[] arguments = ["--ratings", ratings, "--clusters", "4", "--items-per-cluster", "5", "--dimension", "8", "--epochs", "10"];
        using (await Succeed(arguments)) { }
        var first = GraphDirectory.Read(Out)!.Value;
        var bytes = Bytes();
        Directory.Delete(Out, recursive: true);
        using (await Succeed(arguments)) { }
        Assert.Equal(bytes, Bytes());

        using var result = await Succeed(arguments);
        Assert.True(result.RootElement.GetProperty("warmStart").GetBoolean());
        var second = GraphDirectory.Read(Out)!.Value;
        Assert.Equal(2, second.Manifest.Version);
        for (var c = 0; c < 4; c++)
        {
            var cosines = first.Graph.Centroids.Select(other => other.Zip(second.Graph.Centroids[c]).Sum(static p => p.First * p.Second)).ToList();
            Assert.True(cosines[c] > 0.8, $"Cluster {c} turned to cosine {cosines[c]}.");
            Assert.Equal(c, cosines.IndexOf(cosines.Max()));
        }
    }

    [Fact]
    public async Task Own_vectors_are_taken_instead_of_training()
    {
        var users = Given("u.csv", "u1,1,0\nu2,0.9,0.1\nu3,0,1\nu4,0.1,0.9\n");
        var items = Given("i.csv", "item,a,b\nx,2,0\ny,0,2\nz,1,1\n");
        using var result = await Succeed("--user-vectors", users, "--item-vectors", items, "--clusters", "2", "--items-per-cluster", "1");
        var graph = GraphDirectory.Read(Out)!.Value.Graph;
        var best = graph.Rows.Select(r => graph.Items[Assert.Single(r)].Id).Order();
        Assert.Equal(["x", "y"], best);
    }

    [Theory]
    [InlineData("userId,itemId,rating,timestamp\n", "no row", 2)]
    [InlineData("", "empty", 2)]
    [InlineData("userId,itemId\nu,a\nu,b\n", "2 users", 1)]
    [InlineData("userId,itemId\nu,a\nv,a\n", "2 items", 1)]
    [InlineData("userId,itemId,rating,timestamp\nu,a,NaN,1\nv,b,5,1\n", "line 2", 1)]
    [InlineData("userId,itemId,rating,timestamp\nu,a,1,1\nv,b,2,1\n", "0 positives", 1)]
    [InlineData("userId,itemId\nu,a\nv,b\n", "--clusters is 3", 3)]
    public async Task Log_that_makes_no_graph_is_refused_in_one_line_and_the_old_graph_stays(string log, string says, int clusters)
    {
        var good = Given("good.csv", SyntheticTables.Ratings(users: 10, items: 8, perUser: 6, seed: 1));
        using (await Succeed("--ratings", good, "--clusters", "2", "--items-per-cluster", "2", "--dimension", "4", "--epochs", "1")) { }
        var before = Bytes();
        await Refused(says, "--ratings", Given("bad.csv", log), "--clusters", $"{clusters}", "--items-per-cluster", "2", "--dimension", "4", "--epochs", "1");
        Assert.Equal(before, Bytes());
    }

    [Theory]
    [InlineData("u,1,0\nu,0,1\n", "occurs twice")]
    [InlineData("u,1,NaN\nv,0,1\n", "finite")]
    [InlineData("u,1,0\nv,1\n", "2 are needed")]
    [InlineData("u,0,0\nv,1,1\n", "no direction")]
    [InlineData("", "no vector")]
    [InlineData("u,1\nv,2\n", "one space")]
    [InlineData("u,1,0\nv,0,1\n", "--clusters is 3", "3")]
    [InlineData("u,1,0\nv,0,1\n", "finite", "1", "x,1,Infinity\n")]
    public async Task Own_vectors_that_are_damaged_are_refused_and_the_old_graph_stays(string users, string says, string clusters = "1", string items = "x,1,0\ny,0,1\n")
    {
        using (await Succeed("--user-vectors", Given("u.csv", "u,1,0\n"), "--item-vectors", Given("i.csv", "x,1,0\n"), "--clusters", "1", "--items-per-cluster", "1")) { }
        var before = Bytes();
        await Refused(says, "--user-vectors", Given("u.csv", users), "--item-vectors", Given("i.csv", items), "--clusters", clusters, "--items-per-cluster", "1");
        Assert.Equal(before, Bytes());
    }

    [Fact]
    public async Task Duplicate_item_a_missing_cap_column_and_a_directory_of_something_else_are_refused()
    {
        var good = Given("good.csv", SyntheticTables.Ratings(users: 10, items: 8, perUser: 6, seed: 1));
        string[] usual = ["--ratings", good, "--clusters", "2", "--items-per-cluster", "2", "--dimension", "4", "--epochs", "1"];
        await Refused("already, in line 2", [.. usual, "--items", Given("twice.csv", "id,kind\na,x\na,y\n")]);
        await Refused("no column 'creator'", [.. usual, "--items", Given("items.csv", "id,kind\na,x\n"), "--cap", "creator=2"]);
        Directory.CreateDirectory(Out);
        await File.WriteAllTextAsync(Path.Combine(Out, "precious.txt"), "mine");
        await Refused("precious.txt", usual);
        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(Out, "precious.txt")));
    }

    [Fact]
    public async Task Damaged_graph_is_not_continued_and_a_swap_that_a_crash_cut_in_two_is_undone()
    {
        var good = Given("good.csv", SyntheticTables.Ratings(users: 10, items: 8, perUser: 6, seed: 1));
        string[] usual = ["--ratings", good, "--clusters", "2", "--items-per-cluster", "2", "--dimension", "4", "--epochs", "1"];
        using (await Succeed(usual)) { }
        Directory.Move(Out, Out + ".old");
        Directory.CreateDirectory(Out + ".new");
        Assert.Equal(1, GraphDirectory.Read(Out)!.Value.Manifest.Version);
        await File.AppendAllTextAsync(Path.Combine(Out, "clusters.json"), " ");
        await Refused("damaged: clusters.json", usual);
    }

    [Fact]
    public async Task Help_explains()
    {
        var (code, output, _) = await Run("graph", "build", "--help");
        Assert.Equal(0, code);
        Assert.Contains("clusters.json", output, StringComparison.Ordinal);
    }

    private Dictionary<string, string> Bytes() =>
        Directory.GetFiles(Out).ToDictionary(static f => Path.GetFileName(f)!, static f => GraphDirectory.Stamp(f).Sha256, StringComparer.Ordinal);

    private string Given(string name, string content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, content);
        return path;
    }

    private async Task<JsonDocument> Succeed(params string[] arguments)
    {
        var (code, output, error) = await Run(["graph", "build", .. arguments, "--out", Out, "--json"]);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
    }

    private async Task Refused(string says, params string[] arguments)
    {
        var (code, output, error) = await Run(["graph", "build", .. arguments, "--out", Out]);
        Assert.Equal(LearnerCommandLine.Misused, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Equal("", output);
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await LearnerCommandLine.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
