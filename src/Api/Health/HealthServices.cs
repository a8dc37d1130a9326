namespace Recsys.Api.Health;

/// <summary>Registers health.</summary>
public static class HealthServices
{
    /// <summary>Readiness and warm-up.</summary>
    public static IServiceCollection AddHealth(this IServiceCollection services) => services.AddSingleton<Readiness>().AddHostedService<WarmUp>();
}
