namespace Recsys.Api.Feedback;

/// <summary>Registers feedback.</summary>
public static class FeedbackServices
{
    /// <summary>Options and endpoints.</summary>
    public static IServiceCollection AddFeedback(this IServiceCollection services)
    {
        services.AddOptions<FeedbackOptions>().BindConfiguration(FeedbackOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        return services.AddSingleton<FeedbackEndpoints>();
    }
}
