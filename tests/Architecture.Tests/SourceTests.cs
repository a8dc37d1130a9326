using System.Text.RegularExpressions;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>What may not be said in source, and what must be unique in it.</summary>
public sealed class SourceTests
{
    // Written in two parts, or this file would find itself.
    private static readonly string[] Unfinished = ["NotImplemented" + "Exception", "TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X", "for " + "now", "Skip " + "= \""];

    private static IEnumerable<string> Sources => Repository.Files("src", "*.cs").Concat(Repository.Files("tests", "*.cs"));

    [Fact]
    public void Sources_hold_nothing_unfinished()
    {
        var words = new Regex(string.Join('|', Unfinished.Select(static w => $@"(?<!\w){Regex.Escape(w)}")));
        Assert.Empty(Found(Sources, words));
    }

    [Fact]
    public void Sources_name_no_path_of_somebodys_machine()
    {
        var paths = new Regex("(/ho" + "me/|/wo" + @"rk/|/Use" + @"rs/|[A-Z]:\\\\Users)");
        Assert.Empty(Found(Sources, paths));
    }

    [Fact]
    public void Tests_do_not_sleep() =>
        Assert.Empty(Found(Repository.Files("tests", "*.cs"), new Regex(@"\bThread\.Sle" + @"ep\(")));

    [Fact]
    public void Metrics_begin_with_recsys_and_end_as_Prometheus_wants()
    {
        var declaration = new Regex(@"\.Create(?<kind>Counter|Gauge|Histogram|Summary)\(\s*(?<name>""[^""]*""|[^\s,)]+)");
        var problems = new List<string>();
        var declared = 0;
        foreach (var file in Repository.Files("src", "*.cs"))
        {
            var text = Repository.Read(file);
            foreach (Match match in declaration.Matches(text))
            {
                declared++;
                var name = match.Groups["name"].Value;
                if (!Regex.IsMatch(name, @"^""recsys_[a-z0-9_]+""$"))
                    problems.Add(Repository.At(file, text, match) + " is no literal that begins with recsys_");
                else if (match.Groups["kind"].Value == "Counter" && !name.EndsWith("_total\"", StringComparison.Ordinal))
                    problems.Add(Repository.At(file, text, match) + " is a counter and does not end with _total");
            }
        }
        Assert.Empty(problems);
        Assert.NotEqual(0, declared);
    }

    [Fact]
    public void Log_messages_have_event_ids_of_their_own()
    {
        var id = new Regex(@"\[LoggerMessage\((?:EventId\s*=\s*)?(?<id>\d+)");
        var uses = Repository.Files("src", "*.cs").SelectMany(file =>
        {
            var text = Repository.Read(file);
            return id.Matches(text).Select(m => (Id: m.Groups["id"].Value, Where: Repository.At(file, text, m)));
        });
        Assert.Empty(uses.GroupBy(static u => u.Id).Where(static g => g.Count() > 1).Select(static g => string.Join(" and ", g.Select(static u => u.Where))));
    }

    [Fact]
    public void Exceptions_are_not_swallowed_without_a_word()
    {
        var empty = new Regex(@"catch\s*(\([^)]*\))?\s*(when\s*\([^{]*\))?\s*\{\s*\}");
        Assert.Empty(Found(Repository.Files("src", "*.cs"), empty));
    }

    private static IEnumerable<string> Found(IEnumerable<string> files, Regex what) => files.SelectMany(file =>
    {
        var text = Repository.Read(file);
        return what.Matches(text).Select(m => Repository.At(file, text, m));
    });
}
