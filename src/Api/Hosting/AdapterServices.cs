using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Local;
using Recsys.Learner;

namespace Recsys.Api.Hosting;

/// <summary>Chooses what stands behind the seams: Kafka and Redis when both are configured, everything in this process when neither is.</summary>
public static class AdapterServices
{
    /// <summary>Adds log and stores, and the learner when embedded.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">Only one of the two is configured.</exception>
    public static WebApplicationBuilder AddAdapters(this WebApplicationBuilder builder)
    {
        var distributed = DistributedInfrastructure.IsConfigured(builder.Configuration);
        builder.Services.AddOptions<EmbeddedOptions>().BindConfiguration(EmbeddedOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        if (distributed)
        {
            builder.Services.AddKafkaAndRedis(builder.Configuration);
        }
        else
        {
            var options = builder.Configuration.GetSection(EmbeddedOptions.SectionName).Get<EmbeddedOptions>() ?? new EmbeddedOptions();
            builder.Services.AddLocalInfrastructure(Path.GetFullPath(options.DataDirectory)).AddLearner();
            if (options.SeedDemo)
                builder.Services.AddHostedService<DemoExperiment>();
        }
        builder.Services.AddSingleton(new StartupMode(IsEmbedded: !distributed)).AddHostedService<StartupBanner>();
        return builder;
    }
}

/// <summary>Which adapters were chosen.</summary>
/// <param name="IsEmbedded">Everything in one process.</param>
public sealed record StartupMode(bool IsEmbedded);
