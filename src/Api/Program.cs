using Prometheus;
using Recsys.Api;
using Recsys.Api.Catalogue;
using Recsys.Api.Decisions;
using Recsys.Api.Embedded;
using Recsys.Api.Experiments;
using Recsys.Api.Feedback;
using Recsys.Api.Health;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Scalar.AspNetCore;

// The project's own directory holds appsettings.json whether the service is started there or from the repository's root.
var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
if (string.IsNullOrEmpty(builder.Configuration["urls"]))
    builder.WebHost.UseUrls("http://127.0.0.1:5080");

var dataDirectory = builder.Configuration["Embedded:DataDirectory"] ?? "data";
builder.Services.AddApi();
builder.Services.AddEmbeddedMode(dataDirectory);
builder.Services.AddOpenApi();

var app = builder.Build();
app.Services.GetRequiredService<ApiKeys>().RefuseOpenAddresses((app.Configuration["urls"] ?? "http://127.0.0.1:5080").Split(';'));
await EmbeddedMode.PrepareAsync(app.Services, dataDirectory, app.Logger);

app.UseProblems();
app.MapExperiments();
app.MapDecisions();
app.MapFeedback();
app.MapItems();
app.MapHealth();
app.MapMetrics(registry: app.Services.GetRequiredService<CollectorRegistry>());
app.MapOpenApi("/openapi/{documentName}.json");
app.MapScalarApiReference("/docs");
app.MapStatusPage();
await app.RunAsync();
