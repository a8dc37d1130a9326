using Xunit;
using YamlDotNet.RepresentationModel;

namespace Recsys.Architecture.Tests;

/// <summary>Manifests can be read. What they mean is the business of the cluster's own tools.</summary>
public sealed class ManifestTests
{
    [Fact]
    public void Yaml_parses_without_duplicate_keys_and_says_what_it_is()
    {
        var files = Repository.Files("deploy/k8s", "*.yaml").Concat(Repository.Files("deploy/k8s", "*.yml")).ToList();
        Assert.NotEmpty(files);
        var problems = new List<string>();
        foreach (var file in files)
        {
            var stream = new YamlStream();
            try
            {
                using var reader = new StringReader(Repository.Read(file));
                stream.Load(reader);
            }
            catch (YamlDotNet.Core.YamlException problem)
            {
                problems.Add($"{file}: {problem.Message}");
                continue;
            }
            foreach (var document in stream.Documents)
            {
                // Only objects of the cluster have a kind; what belongs to other programs lies under files/ or dashboards/ and is only parsed.
                if (document.RootNode is YamlMappingNode root && root.Children.ContainsKey("apiVersion") && !root.Children.ContainsKey("kind"))
                    problems.Add($"{file}: has an apiVersion and no kind");
            }
        }
        Assert.Empty(problems);
    }

    [Fact]
    public void Kustomizations_list_files_that_exist()
    {
        foreach (var file in Repository.Files("deploy/k8s", "kustomization.yaml"))
        {
            var stream = new YamlStream();
            using var reader = new StringReader(Repository.Read(file));
            stream.Load(reader);
            var root = (YamlMappingNode)stream.Documents[0].RootNode;
            foreach (var list in (string[])["resources", "components"])
            {
                if (!root.Children.TryGetValue(list, out var entries))
                    continue;
                foreach (var entry in (YamlSequenceNode)entries)
                    Assert.True(Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(file)!, ((YamlScalarNode)entry).Value!)), $"{file}: {entry}");
            }
        }
    }
}
