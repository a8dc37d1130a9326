using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Recsys.Learner.CommandLine;
using Recsys.Learner.Hosting;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

public sealed class LearnerHostTests
{
    [Fact]
    public async Task Without_log_and_store_it_says_what_to_set_and_what_else_there_is()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("Kafka__BootstrapServers") is null, "Kafka is configured here.");
        using var output = new StringWriter();
        using var error = new StringWriter();
        foreach (var arguments in (string[][])[[], ["run"]])
            Assert.Equal(2, await LearnerCommandLine.RunAsync(arguments, output, error));
        Assert.Contains("Kafka__BootstrapServers", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Redis__Configuration", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("dotnet run -c Release --project src/Api", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_is_missing_is_named()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Kafka:BootstrapServers", "k:1")]).Build();
        Assert.Contains("Redis__Configuration is not set", LearnerHost.Missing(configuration), StringComparison.Ordinal);
        configuration["Redis:Configuration"] = "r:1";
        Assert.Null(LearnerHost.Missing(configuration));
    }

    [Fact]
    public void Settings_file_lists_every_option_with_its_default()
    {
        var path = Path.Combine(AppContext.BaseDirectory, LearnerHost.SettingsFile);
        var section = JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty(TrainingOptions.SectionName);
        var defaults = new TrainingOptions();
        var properties = typeof(TrainingOptions).GetProperties();
        Assert.Equal(properties.Select(static p => p.Name).Order(StringComparer.Ordinal), section.EnumerateObject().Select(static p => p.Name).Order(StringComparer.Ordinal));
        var bound = new ConfigurationBuilder().AddJsonFile(path).Build().GetSection(TrainingOptions.SectionName).Get<TrainingOptions>()!;
        foreach (var property in properties)
            Assert.Equal(property.GetValue(defaults), property.GetValue(bound));
    }
}
