using System.Text.Json;
using Recsys.Infrastructure.Events;
using Recsys.Learner.CommandLine;
using Recsys.Learner.Replay;
using Recsys.Learner.Tests.Support;

namespace Recsys.Learner.Tests;

public sealed class ReplayTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("recsys-replay-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Write(string name, params string[] lines)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllLines(path, lines);
        return path;
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await LearnerCommandLine.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static readonly string[] Lines =
    [
        """{"type":"decision","time":"2026-01-05T00:00:00Z","decisionId":"d1","context":{},"actions":[{"id":"a"},{"id":"b"}],"chosen":[{"id":"a","propensity":0.5}]}""",
        """{"type":"reward","time":"2026-01-05T00:00:05Z","decisionId":"d1","value":1}""",
        "this is no event",
        """{"type":"decision","time":"2026-01-05T00:01:00Z","decisionId":"d2","context":{},"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""",
        """{"type":"reward","time":"2026-01-05T00:02:00Z","decisionId":"unknown","value":1}""",
        """{"type":"decision","time":"2026-01-06T00:00:00Z","decisionId":"d3","context":{},"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""",
    ];

    [Fact]
    public async Task Lines_of_json_are_learned_and_counted()
    {
        var definition = Write("definition.json", """{ "policy": { "kind": "uniform" } }""");
        var log = Write("log.jsonl", Lines);
        var (code, output, error) = await Run("replay", "--log", log, "--experiment-definition", definition, "--json");
        Assert.Equal((0, true), (code, error.Contains("100 %", StringComparison.Ordinal) || error.Length == 0));
        var result = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;
        long Count(string name) => result.GetProperty(name).GetInt64();
        Assert.Equal(
            (6L, 2L, 3L, 1L, 1L, 1L, 1L),
            (Count("events"), Count("interactions"), Count("decisions"), Count("joined"), Count("defaulted"), Count("orphan"), Count("undecodable")));
        Assert.Equal("uniform", result.GetProperty("policy").GetString());
        Assert.Matches("^[0-9a-f]{16}$", result.GetProperty("digest").GetString());
    }

    [Fact]
    public async Task Compressed_lines_give_the_same_digest()
    {
        var definition = Write("definition.json", """{ "policy": { "kind": "uniform" } }""");
        var plain = Write("log.jsonl", Lines);
        var packed = Path.Combine(_directory, "log.jsonl.gz");
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(packed), System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(File.ReadAllBytes(plain));
        async Task<string> Digest(string log)
        {
            var (_, output, _) = await Run("replay", "--log", log, "--experiment-definition", definition, "--json");
            return JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement.GetProperty("digest").GetString()!;
        }
        Assert.Equal(await Digest(plain), await Digest(packed));
    }

    [Fact]
    public async Task Missing_log_and_bad_definition_are_one_clear_line()
    {
        var (code, _, error) = await Run("replay", "--log", Path.Combine(_directory, "nothing"));
        Assert.Equal(LearnerCommandLine.Failed, code);
        Assert.Contains("no such file", error, StringComparison.OrdinalIgnoreCase);
        (code, _, error) = await Run("replay", "--log", Write("l.jsonl", Lines), "--experiment-definition", Write("bad.json", """{ "polcy": 1 }"""));
        Assert.Equal(LearnerCommandLine.Failed, code);
        Assert.Contains("polcy", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_log_is_refused_and_not_taken_for_an_empty_one()
    {
        var table = Write("table.csv", "a,b,c", "1,2,3");
        var noise = Path.Combine(_directory, "noise");
        File.WriteAllBytes(noise, [.. Enumerable.Range(0, 1000).Select(static i => (byte)(i * 7919 >> 3))]);
        foreach (var path in (string[])[table, noise, _directory])
        {
            var (code, output, error) = await Run("replay", "--log", path, "--json");
            Assert.Equal((LearnerCommandLine.Failed, ""), (code, output));
            Assert.StartsWith(path, error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
    }

    [Fact]
    public void Definition_is_found_beside_a_data_directory_with_its_time_of_creation()
    {
        var log = Path.Combine(_directory, "log", EventTopics.Events("shop"));
        Directory.CreateDirectory(log);
        Directory.CreateDirectory(Path.Combine(_directory, "experiments"));
        File.WriteAllText(Path.Combine(_directory, "experiments", "shop.json"), """{ "createdAt": 42, "definition": { "policy": { "kind": "uniform" }, "mode": "apprentice" }, "centroids": [] }""");
        foreach (var path in (string[])[log, log + "/", Path.Combine(log, "00000000000000000000.log")])
        {
            var experiment = ReplayExperiment.For(path, null);
            Assert.Equal(("shop", 42L, "uniform"), (experiment.Name, experiment.CreatedAt, experiment.Definition.Policy.Kind));
        }
    }

    [Fact]
    public void Recorded_batches_do_not_matter()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 8, 700);
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        while (rig.Next < rig.Log.Records.Count)
            rig.Feed(3);
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
    }
}
