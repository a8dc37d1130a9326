using Recsys.Infrastructure.Snapshots;

namespace Recsys.Decisions.Tests;

/// <summary>A store that never has parameters.</summary>
internal sealed class NoSnapshots : ISnapshotReader
{
    public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ShardHead>>([]);

    public Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken) =>
        Task.FromResult<ShardUpdate?>(null);

    public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;
}
