using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>Follows the published parameters of one experiment: fetch what changed, verify, assemble aside, swap one reference.</summary>
public sealed class SnapshotRefresher(ExperimentRuntime runtime, ISnapshotReader store, TimeProvider time, ILogger log)
{
    private readonly Dictionary<int, (ShardHead Head, PolicyShard Shard)> _shards = [];

    /// <summary>Follows until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var name = runtime.Experiment.Name;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await RefreshAsync(cancellationToken).ConfigureAwait(false);
                runtime.IsReady = true;
                await store.WaitForChangeAsync(name, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (StoreUnavailableException problem)
            {
                log.SnapshotsAway(name, problem.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(500), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Takes over what is published now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var spec = runtime.Experiment.Definition.Policy;
        var name = runtime.Experiment.Name;
        var heads = await store.HeadsAsync(name, cancellationToken).ConfigureAwait(false);
        var changed = false;
        foreach (var head in heads)
        {
            if (_shards.TryGetValue(head.Partition, out var known))
            {
                // Never back, whatever the store says: a store that lost its data may offer an old writer's work.
                if (head.Epoch < known.Head.Epoch || (head.Epoch == known.Head.Epoch && head.Interactions < known.Head.Interactions))
                    continue;
                if (head.Epoch == known.Head.Epoch && head.Interactions == known.Head.Interactions)
                {
                    _shards[head.Partition] = (head, known.Shard);
                    continue;
                }
            }
            if (await store.FetchAsync(name, head, cancellationToken).ConfigureAwait(false) is not { } framed)
                continue;
            try
            {
                var header = SnapshotFraming.Open(framed, spec.Fingerprint, out var payload);
                if (header.Partition != head.Partition || header.Epoch != head.Epoch)
                    throw new SnapshotFormatException($"Snapshot of partition {header.Partition}, epoch {header.Epoch} lies where {head.Partition}, {head.Epoch} should.");
                _shards[head.Partition] = (head, new PolicyShard(head.Partition, header.Interactions, payload));
                changed = true;
            }
            catch (SnapshotFormatException problem)
            {
                runtime.Metrics.Refused.Inc();
                log.SnapshotRefused(name, problem.Message);
            }
        }
        if (_shards.Count == 0)
            return;
        var policy = runtime.Slot.Current.Policy;
        if (changed || policy is null)
        {
            try
            {
                policy = PolicyCatalog.Find(spec.Kind).Assemble(spec, _shards.Values.Select(static s => s.Shard).ToList(), policy);
            }
            catch (SnapshotFormatException problem)
            {
                runtime.Metrics.Refused.Inc();
                log.SnapshotRefused(name, problem.Message);
                return;
            }
            runtime.Metrics.Applied.Set(time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        }
        var asOf = _shards.Values.Min(static s => s.Head.AsOf);
        runtime.Slot.Current = new ServingPolicy(policy, asOf);
        runtime.Metrics.Age.Set(Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds() - asOf) / 1000.0);
    }
}
