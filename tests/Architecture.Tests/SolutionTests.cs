using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>Build files agree with each other.</summary>
public sealed class SolutionTests
{
    [Fact]
    public void Solution_lists_every_project_and_every_project_it_lists_exists()
    {
        var listed = Regex.Matches(Repository.Read("Recsys.sln"), "\"([^\"]+\\.csproj)\"").Select(static m => m.Groups[1].Value.Replace('\\', '/')).ToHashSet(StringComparer.Ordinal);
        Assert.Equal(Repository.Projects().ToHashSet(StringComparer.Ordinal), listed);
    }

    [Fact]
    public void Projects_have_lock_files() =>
        Assert.Empty(Repository.Projects().Where(static p => !File.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(p)!, "packages.lock.json"))).ToList());

    [Fact]
    public void Versions_stand_in_one_place()
    {
        var central = XDocument.Parse(Repository.Read("Directory.Packages.props")).Descendants("PackageVersion").Select(static e => (string)e.Attribute("Include")!).ToList();
        Assert.Equal(central.Distinct(StringComparer.OrdinalIgnoreCase), central);
        foreach (var project in Repository.Projects())
        {
            var references = XDocument.Parse(Repository.Read(project)).Descendants("PackageReference").ToList();
            Assert.DoesNotContain(references, static r => r.Attribute("Version") is not null || r.Attribute("VersionOverride") is not null);
            Assert.Empty(references.Select(static r => (string)r.Attribute("Include")!).Except(central, StringComparer.OrdinalIgnoreCase));
        }
    }
}
