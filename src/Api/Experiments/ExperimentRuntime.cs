using Recsys.Api.Catalogue;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Uniform;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Experiments;

/// <summary>
/// One experiment as this process serves it: its definition for good, and slots for what changes behind it. A new definition is a new runtime, so a
/// decision never sees half of each.
/// </summary>
public sealed class ExperimentRuntime
{
    private readonly SeenActions _seen;

    /// <summary>Builds the runtime of a definition.</summary>
    /// <param name="experiment">The definition.</param>
    /// <param name="parts">What every runtime needs.</param>
    /// <param name="earlier">The runtime of the definition that this one replaces, or null.</param>
    public ExperimentRuntime(Experiment experiment, RuntimeParts parts, ExperimentRuntime? earlier = null)
    {
        Experiment = experiment;
        Kind = System.Text.Encoding.UTF8.GetBytes(experiment.Definition.Policy.Kind);
        Metrics = parts.Metrics.For(experiment.Name, experiment.Definition.Policy.Kind);
        Uniform = new UniformPolicy(new PolicyDescriptor("uniform", 0, 0), (float)experiment.Definition.Reward.Default);
        Refresh = ParameterRefresh.Create(new RefreshParts(experiment, Slot, parts.Snapshots, Metrics, parts.Clock, parts.Log));
        Catalogue = parts.Catalogues.Of(experiment.Name);
        _seen = earlier?._seen ?? new SeenActions();
        if (earlier is not null && earlier.Experiment.CreatedAt == experiment.CreatedAt)
        {
            Refresh.TakeOver(earlier.Refresh);
            ParametersKnown = earlier.ParametersKnown;
        }
        Catalogue.Redefine(experiment);
        parts.Catalogues.Signal();
    }

    /// <summary>The definition.</summary>
    public Experiment Experiment { get; }

    /// <summary>Its name.</summary>
    public string Name => Experiment.Name;

    /// <summary>Name of its policy kind as UTF-8.</summary>
    public ReadOnlyMemory<byte> Kind { get; }

    /// <summary>What serves.</summary>
    public PolicySlot Slot { get; } = new();

    /// <summary>Serves while there are no parameters: every action alike, expecting the default reward.</summary>
    public UniformPolicy Uniform { get; }

    /// <summary>Fetches parameters into <see cref="Slot"/>.</summary>
    public ParameterRefresh Refresh { get; }

    /// <summary>Items and graph.</summary>
    public ExperimentCatalogue Catalogue { get; }

    /// <summary>Metrics of this experiment.</summary>
    public ApiMetrics.ForExperiment Metrics { get; }

    /// <summary>Whether the parameters, or that there are none, are known: from then on the experiment can be served as it should be.</summary>
    public bool ParametersKnown { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>Whether the parameters could not be refreshed when last tried.</summary>
    public bool StoreAway { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>Items of a catalogue; else distinct actions met by this process, exact up to 4096 and at most that.</summary>
    public int Actions => Experiment.Definition.Candidates == CandidateSource.Catalogue ? Catalogue.Count : _seen.Count;

    /// <summary>Remembers that an action exists.</summary>
    public void Saw(ActionKey action) => _seen.Add(action.Value);

    /// <summary>Age of the serving parameters in seconds, 0 when there are none.</summary>
    public static double AgeSeconds(ServingState state, long now) => state.Policy is null ? 0 : Math.Max(0, now - state.AsOf) / 1000.0;

    /// <summary>Exports the age.</summary>
    public void ExportAge(long now) => Metrics.ParameterAge.Set(AgeSeconds(Slot.Current, now));
}

/// <summary>What every runtime is built from.</summary>
/// <param name="Snapshots">Where parameters come from.</param>
/// <param name="Catalogues">Items and graphs.</param>
/// <param name="Metrics">Metrics of the process.</param>
/// <param name="Clock">Time.</param>
/// <param name="Log">Log of the process.</param>
public sealed record RuntimeParts(ISnapshotReader Snapshots, CatalogueIndex Catalogues, ApiMetrics Metrics, TimeProvider Clock, ILogger<ExperimentRegistry> Log);
