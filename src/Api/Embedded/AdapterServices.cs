using Recsys.Api.Security;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Local;
using Recsys.Learner;

namespace Recsys.Api.Embedded;

/// <summary>Chooses what stands behind the seams: Kafka and Redis when both are configured, everything in this process when neither is.</summary>
public static class AdapterServices
{
    /// <summary>Name of the setting that says where Kafka is.</summary>
    public const string KafkaKey = "Kafka:BootstrapServers";

    /// <summary>Name of the setting that says where Redis is.</summary>
    public const string RedisKey = "Redis:Configuration";

    /// <summary>Adds log and stores, and the learner when embedded.</summary>
    /// <exception cref="StartupException">Only one of the two is configured.</exception>
    public static WebApplicationBuilder AddAdapters(this WebApplicationBuilder builder)
    {
        var kafka = !string.IsNullOrWhiteSpace(builder.Configuration[KafkaKey]);
        var redis = !string.IsNullOrWhiteSpace(builder.Configuration[RedisKey]);
        if (kafka != redis)
        {
            throw new StartupException(
                $"{(kafka ? KafkaKey : RedisKey)} is set and {(kafka ? RedisKey : KafkaKey)} is not. A cluster needs both "
                + "(Kafka__BootstrapServers and Redis__Configuration); set neither to run everything in this process.");
        }
        builder.Services.AddOptions<EmbeddedOptions>().BindConfiguration(EmbeddedOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        if (kafka)
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
        builder.Services.AddSingleton(new StartupMode(IsEmbedded: !kafka)).AddHostedService<StartupBanner>();
        return builder;
    }
}

/// <summary>Which adapters were chosen.</summary>
/// <param name="IsEmbedded">Everything in one process.</param>
public sealed record StartupMode(bool IsEmbedded);
