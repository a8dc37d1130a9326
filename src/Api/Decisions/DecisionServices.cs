namespace Recsys.Api.Decisions;

/// <summary>Registers deciding.</summary>
public static class DecisionServices
{
    /// <summary>Options, workspaces, service, endpoints and the limit on overload.</summary>
    public static IServiceCollection AddDecisions(this IServiceCollection services)
    {
        services.AddOptions<DecisionOptions>().BindConfiguration(DecisionOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().Validate(static o => o.ParameterAgeMax > TimeSpan.Zero, "Decisions:ParameterAgeMax must be above zero.").ValidateOnStart();
        return services.AddSingleton<WorkspacePool>().AddSingleton<DecisionService>().AddSingleton<DecisionEndpoints>().AddLoadShedding();
    }
}
