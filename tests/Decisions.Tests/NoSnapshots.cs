using Recsys.Infrastructure.Snapshots;

namespace Recsys.Decisions.Tests;

/// <summary>A store that never has parameters.</summary>
internal sealed class NoSnapshots : ISnapshotReader
{
    public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ShardHead>>([]);

    public Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, ShardHead head, CancellationToken cancellationToken) => Task.FromResult<ReadOnlyMemory<byte>?>(null);

    public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;
}
