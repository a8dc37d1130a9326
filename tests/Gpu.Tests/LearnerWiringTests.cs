using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;
using Recsys.Learner;
using Recsys.Learner.Training;
using Xunit;

namespace Recsys.Gpu.Tests;

/// <summary>From the setting to the trainer, as the hosts do it.</summary>
public sealed class LearnerWiringTests
{
    [Theory]
    [InlineData("cpu", DevicePreference.Cpu)]
    [InlineData("Auto", DevicePreference.Auto)]
    [InlineData("gpu", DevicePreference.Gpu)]
    public void The_setting_is_read_in_any_case(string text, DevicePreference expected)
    {
        using var services = Services(text);
        Assert.Equal(expected, services.GetRequiredService<IOptions<TrainingOptions>>().Value.Device);
    }

    [Theory]
    [InlineData("tpu")]
    [InlineData("7")]
    public void Another_word_stops_the_process(string text)
    {
        using var services = Services(text);
        Assert.ThrowsAny<Exception>(() => services.GetRequiredService<IOptions<TrainingOptions>>().Value);
    }

    [Fact]
    public void Every_kind_gets_a_trainer_from_the_process_it_learns_in()
    {
        using var services = Services("auto");
        var factory = services.GetRequiredService<TrainerFactory>();
        foreach (var kind in PolicyCatalog.Kinds.Values)
        {
            var trainer = factory.Create(PolicyCatalog.Configure(kind, [], new FeatureSchema(), RewardRange.Unit, 0, []));
            Assert.Equal(0, trainer.Interactions);
            (trainer as IDisposable)?.Dispose();
        }
    }

    [Fact]
    public void A_gpu_that_is_asked_for_and_missing_is_a_wrong_setting_and_says_what_to_set()
    {
        using var probe = ComputeBackend.Open(DevicePreference.Auto, static _ => { });
        Assert.SkipUnless(probe.Kind == "cpu", $"A GPU is present: {probe.Name}.");
        using var services = Services("gpu");
        var problem = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<ComputeBackend>());
        Assert.Equal(
            "Training:Device is 'gpu', but no CUDA or OpenCL device was found. Set it to 'auto' or 'cpu' to learn without a GPU.", Assert.Single(problem.Failures));
    }

    private static ServiceProvider Services(string device)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([new("Training:Device", device)]).Build());
        services.AddSingleton<Prometheus.IMetricFactory>(Prometheus.Metrics.WithCustomRegistry(Prometheus.Metrics.NewCustomRegistry()));
        services.AddLogging().AddLearner();
        return services.BuildServiceProvider();
    }
}
