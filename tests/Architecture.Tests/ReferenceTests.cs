using System.Text.RegularExpressions;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>Who may know whom.</summary>
public sealed class ReferenceTests
{
    [Theory]
    [InlineData("src/Shared/Bandits/Recsys.Bandits.csproj", "")]
    [InlineData("src/Shared/Gpu/Recsys.Gpu.csproj", "Recsys.Bandits")]
    [InlineData("src/Shared/Infrastructure/Recsys.Infrastructure.csproj", "Recsys.Bandits")]
    [InlineData("src/Learner/Recsys.Learner.csproj", "Recsys.Bandits Recsys.Gpu Recsys.Infrastructure")]
    [InlineData("src/Api/Recsys.Api.csproj", "Recsys.Bandits Recsys.Infrastructure Recsys.Learner")]
    public void Projects_reference_only_what_lies_below_them(string project, string allowed) =>
        Assert.Empty(Repository.Includes(project, "ProjectReference").Except(allowed.Split(' ')));

    [Fact]
    public void Projects_under_src_are_the_five() => Assert.Equal(
        ["Recsys.Api", "Recsys.Bandits", "Recsys.Gpu", "Recsys.Infrastructure", "Recsys.Learner"],
        Repository.Files("src", "*.csproj").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    [Fact]
    public void Bandits_has_no_packages_but_arithmetic_and_analyzers() => Assert.Empty(
        Repository.Includes("src/Shared/Bandits/Recsys.Bandits.csproj", "PackageReference")
            .Except(["System.IO.Hashing", "System.Numerics.Tensors", "Microsoft.CodeAnalysis.BannedApiAnalyzers"]));

    [Fact]
    public void Bandits_has_no_shared_framework_beyond_the_runtime() =>
        Assert.Empty(Repository.Includes("src/Shared/Bandits/Recsys.Bandits.csproj", "FrameworkReference"));

    [Fact]
    public void Assemblies_reference_no_more_than_their_projects_say()
    {
        Assert.Empty(Recsys(typeof(Bandits.Policies.PolicyCatalog)));
        Assert.Empty(Recsys(typeof(Infrastructure.Events.EventTopics)).Except(["Recsys.Bandits"]));
        Assert.Empty(Recsys(typeof(Learner.LearnerServices)).Except(["Recsys.Bandits", "Recsys.Gpu", "Recsys.Infrastructure"]));

        static IEnumerable<string> Recsys(Type type) =>
            type.Assembly.GetReferencedAssemblies().Select(static a => a.Name!).Where(static n => n.StartsWith("Recsys.", StringComparison.Ordinal));
    }

    [Fact]
    public void Api_knows_the_learner_only_where_it_hosts_it()
    {
        var mention = new Regex(@"\bRecsys\.Learner\b|\busing Learner\b|\bLearner\.[A-Z]");
        var elsewhere = Repository.Files("src/Api", "*.cs")
            .Where(static f => !f.StartsWith("src/Api/Hosting/", StringComparison.Ordinal) && f != "src/Api/Program.cs")
            .Where(f => mention.IsMatch(WithoutComments(Repository.Read(f))));
        Assert.Empty(elsewhere);
    }

    [Fact]
    public void Kafka_and_Redis_are_spoken_only_in_Infrastructure()
    {
        var mention = new Regex(@"\busing (Confluent\.Kafka|StackExchange\.Redis)\b");
        Assert.Empty(Repository.Files("src", "*.cs")
            .Where(static f => !f.StartsWith("src/Shared/Infrastructure/", StringComparison.Ordinal))
            .Where(f => mention.IsMatch(Repository.Read(f))).ToList());
    }

    private static string WithoutComments(string source) => Regex.Replace(source, @"//[^\n]*", "");
}
