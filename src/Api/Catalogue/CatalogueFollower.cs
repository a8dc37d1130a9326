using System.Text.Json;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Events;

namespace Recsys.Api.Catalogue;

/// <summary>Brings the items of the log into the catalogues.</summary>
public sealed class CatalogueFollower(IItemFeed feed, CatalogueIndex index, ExperimentRegistry registry, ApiMetrics metrics, TimeProvider clock, ILogger<CatalogueFollower> log)
    : BackgroundService
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await feed.FollowAsync(Handle, CaughtUp, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                log.CatalogueAway(problem.Message);
            }
            await Task.Delay(RetryAfter, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void CaughtUp()
    {
        index.CaughtUp = true;
        // Graphs wait for this.
        index.Signal();
    }

    private void Handle(string experiment, string id, ReadOnlyMemory<byte>? json)
    {
        CatalogueEntry? item = null;
        if (json is { } bytes)
        {
            var errors = new List<KeyValuePair<string, string>>();
            try
            {
                using var document = JsonDocument.Parse(bytes);
                item = CatalogueEntry.ReadLogged(id, document.RootElement, errors);
            }
            catch (Exception problem) when (problem is JsonException or InvalidOperationException)
            {
                errors.Add(new("$", problem.Message));
            }
            if (item is null)
            {
                metrics.ItemsRefused.Inc();
                log.ItemRefused(experiment, id, $"{errors[0].Key} {errors[0].Value}");
                return;
            }
        }
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        // What another producer wrote does not say since when there is that item; it appears now.
        if (item is { FirstPut: null })
            item = item with { FirstPut = now };
        if (index.Of(experiment).ApplyLogged(id, item, json is { } span ? span.Span : default, now, index.CaughtUp))
            registry.Find(experiment)?.Metrics.Takedowns.Inc();
        index.Signal();
    }
}
