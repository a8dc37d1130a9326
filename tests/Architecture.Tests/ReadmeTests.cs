using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>Documents that lie beside the code name things that exist.</summary>
public sealed class ReadmeTests
{
    private static readonly Assembly[] Assemblies =
    [
        typeof(Bandits.Policies.PolicyCatalog).Assembly,
        Assembly.Load("Recsys.Gpu"),
        typeof(Infrastructure.Events.EventTopics).Assembly,
        typeof(Learner.LearnerServices).Assembly,
        Assembly.Load("Recsys.Api"),
    ];

    private static readonly HashSet<string> Names = AllNames();

    public static TheoryData<string> Readmes => [.. Repository.Files("src", "README.md").DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(Readmes))]
    public void Readme_names_only_what_exists(string readme)
    {
        if (readme.Length == 0)
            Assert.Skip("No folder of src has a README.");
        Assert.Empty(Unresolved(readme, Repository.Read(readme)));
    }

    [Theory]
    [InlineData("`PolicyCatalog` and `PolicyCatalog.Kinds`, `IPolicy`, `K`, `x`, `--json`, `SnapshotFraming.Open(...)`, `IReadOnlyList<Challenger>`", "")]
    [InlineData("`BannedSymbols.txt`, `Policies/IPolicy.cs`, `src/Shared/Bandits`, `Directory.Build.props`, `recsys:{experiment}:head`", "")]
    [InlineData("`AtomicHolder` and `PolicyCatalog.Nothing`, `Policies/Nothing.cs`", "AtomicHolder PolicyCatalog.Nothing Policies/Nothing.cs")]
    [InlineData("```\n`NotLookedAt`\n```\n`AtomicHolder`", "AtomicHolder")]
    public void Unresolved_finds_exactly_what_is_not_there(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', Unresolved("src/Shared/Bandits/README.md", text)));

    private static IEnumerable<string> Unresolved(string readme, string text)
    {
        var prose = Regex.Replace(text, "^```.*?^```", "", RegexOptions.Singleline | RegexOptions.Multiline);
        foreach (Match match in Regex.Matches(prose, "`([^`\n]+)`"))
        {
            var token = match.Groups[1].Value.Trim();
            if (LooksLikeFile(token) ? !IsFile(readme, token) : LooksLikeIdentifier(token) && !IsIdentifier(token))
                yield return token;
        }
    }

    private static bool LooksLikeFile(string token) =>
        Regex.IsMatch(token, @"^[\w.\-]+(/[\w.\-]+)+/?$") ? token.Contains('.', StringComparison.Ordinal) || token.StartsWith("src/", StringComparison.Ordinal)
            : Regex.IsMatch(token, @"^[\w.\-]+\.(cs|md|json|txt|props|csproj|sln|sh|ya?ml|js|html)$");

    private static bool IsFile(string readme, string token)
    {
        string[] bases = [Path.GetDirectoryName(readme)!, "", "src", "src/Shared", "docs"];
        return Array.Exists(bases, b => Path.Exists(Path.Combine(Repository.Root, b, token)))
            || (!token.Contains('/', StringComparison.Ordinal) && Repository.Files("src", token).Any());
    }

    // A name of C#: begins with a capital, is longer than a symbol of a formula, and may have a member, type arguments and a call behind it.
    private static bool LooksLikeIdentifier(string token) =>
        Regex.IsMatch(token, @"^[A-Z]\w*[a-z]\w*(<[\w, <>]+>)?(\.[A-Z]\w*)?(\(.*\))?$") && token.Length > 2;

    private static bool IsIdentifier(string token) => Names.Contains(Regex.Replace(token, @"<[^.(]*>|\(.*\)", ""));

    private static HashSet<string> AllNames()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var type in Assemblies.SelectMany(static a => a.GetTypes()).Where(static t => !t.IsNested || t.IsNestedPublic))
        {
            var name = Regex.Replace(type.Name, @"`\d+$", "");
            names.Add(name);
            foreach (var member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static))
            {
                names.Add(member.Name);
                names.Add($"{name}.{member.Name}");
            }
        }
        // The framework's own, which a text may mention as well.
        foreach (var type in typeof(object).Assembly.GetExportedTypes())
            names.Add(Regex.Replace(type.Name, @"`\d+$", ""));
        return names;
    }
}
