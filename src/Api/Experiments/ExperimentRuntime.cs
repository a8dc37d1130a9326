using System.Collections.Concurrent;
using System.Text;
using Recsys.Api.Catalogue;
using Recsys.Api.Decisions;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Experiments;

/// <summary>One experiment as this process serves it.</summary>
public sealed class ExperimentRuntime
{
    // More than this many at once means that many requests in flight; beyond it workspaces are left to the collector.
    private const int WorkspacesMax = 64;
    private readonly ConcurrentQueue<DecisionWorkspace> _workspaces = new();

    /// <summary>Begins to serve.</summary>
    /// <param name="experiment">Its definition.</param>
    /// <param name="metrics">Its metrics.</param>
    /// <param name="items">Its catalogue, which outlives a change of definition.</param>
    public ExperimentRuntime(Experiment experiment, ApiMetrics metrics, ItemCatalogue items)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(metrics);
        ArgumentNullException.ThrowIfNull(items);
        Experiment = experiment;
        Items = items;
        PolicyKindUtf8 = Encoding.UTF8.GetBytes(experiment.Definition.Policy.Kind);
        Metrics = metrics.For(experiment.Name, experiment.Definition.Policy.Kind);
        items.Configure(experiment);
    }

    /// <summary>Its definition.</summary>
    public Experiment Experiment { get; }

    /// <summary>Its catalogue.</summary>
    public ItemCatalogue Items { get; }

    /// <summary>Its parameters.</summary>
    public PolicySlot Slot { get; init; } = new();

    /// <summary>Its metrics.</summary>
    public ApiMetrics.Children Metrics { get; }

    /// <summary>Whether the store has been asked for parameters once.</summary>
    public bool IsReady { get; set; }

    internal byte[] PolicyKindUtf8 { get; }

    internal CancellationTokenSource Stopping { get; } = new();

    /// <summary>A workspace for one decision.</summary>
    public DecisionWorkspace Rent() => _workspaces.TryDequeue(out var work) ? work : new DecisionWorkspace();

    /// <summary>Gives it back.</summary>
    public void Return(DecisionWorkspace work)
    {
        if (_workspaces.Count < WorkspacesMax)
            _workspaces.Enqueue(work);
    }
}
