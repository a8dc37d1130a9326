using Microsoft.Extensions.Options;
using Recsys.Api.Catalogue;
using Recsys.Api.Console;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Feedback;
using Recsys.Api.Health;
using Recsys.Api.Hosting;
using Recsys.Api.OpenApi;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Telemetry;

try
{
    // Settings lie beside the program; ./data is relative to where it was started.
    var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    builder.Services.AddSingleton(TimeProvider.System);

    builder.AddSecurity();
    builder.AddAdapters();
    builder.Services.AddProblems().AddTelemetry();
    builder.Services.AddExperiments().AddSnapshots().AddCatalogue().AddDecisions().AddFeedback().AddHealth();

    var app = builder.Build();
    app.UseProblems();
    app.UseDocsAddress();
    app.UseRouting();
    app.UseApiKeys();
    app.UseKnownExperiments();
    app.UseRateLimiter();

    DecisionEndpoints.Map(app);
    FeedbackEndpoints.Map(app);
    ExperimentEndpoints.Map(app);
    CatalogueEndpoints.Map(app);
    ClusterEndpoints.Map(app);
    StatisticsEndpoints.Map(app);
    HealthEndpoints.Map(app);
    OpenApiEndpoints.Map(app);
    ConsoleEndpoints.Map(app);

    // What is wrong with the settings is said before the host starts, which would say it at length.
    app.Services.GetRequiredService<IStartupValidator>().Validate();
    LoopbackGuard.Check(app.Configuration, app.Services.GetRequiredService<ApiKeys>());
    await app.RunAsync();
    return 0;
}
catch (Exception problem) when (StartupFailure.Explain(problem) is { } explanation)
{
    await Console.Error.WriteLineAsync(explanation);
    return 1;
}
