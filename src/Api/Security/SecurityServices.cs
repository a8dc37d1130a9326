using Recsys.Api.Decisions;
using Recsys.Api.Hosting;

namespace Recsys.Api.Security;

/// <summary>Registers keys, and tells the server what it may listen to.</summary>
public static class SecurityServices
{
    /// <summary>The address when none is configured.</summary>
    public const string DefaultUrl = "http://127.0.0.1:5080";

    /// <summary>Keys, limits of the server and the check of its addresses.</summary>
    /// <exception cref="StartupException">The configured keys are wrong.</exception>
    public static WebApplicationBuilder AddSecurity(this WebApplicationBuilder builder)
    {
        var keys = new ApiKeys(builder.Configuration);
        builder.Services.AddSingleton(keys);
        var configuration = builder.Configuration;
        if (configuration["urls"] is null && configuration["http_ports"] is null && configuration["https_ports"] is null && !configuration.GetSection("Kestrel:Endpoints").Exists())
            builder.WebHost.UseUrls(DefaultUrl);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel((context, kestrel) =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = context.Configuration.GetValue($"{DecisionOptions.SectionName}:{nameof(DecisionOptions.BulkBytesMax)}", new DecisionOptions().BulkBytesMax);
            kestrel.ConfigureEndpointDefaults(address => LoopbackGuard.Check(address, keys));
        });
        return builder;
    }

    /// <summary>Checks keys behind routing, because the address says which role it needs.</summary>
    public static IApplicationBuilder UseApiKeys(this IApplicationBuilder app) => app.UseMiddleware<ApiKeyMiddleware>();
}
