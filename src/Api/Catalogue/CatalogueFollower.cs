using Recsys.Api.Experiments;
using Recsys.Infrastructure.Events;

namespace Recsys.Api.Catalogue;

/// <summary>Keeps every catalogue up to date with the item log.</summary>
public sealed class CatalogueFollower(IItemFeed feed, ExperimentRegistry registry) : BackgroundService
{
    /// <summary>Whether the catalogue was read to its end once.</summary>
    public bool IsCaughtUp { get; private set; }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await feed.FollowAsync((experiment, item, json) => registry.Catalogue(experiment).Set(item, json), () => IsCaughtUp = true, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
