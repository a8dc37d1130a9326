using Recsys.Api.Catalogue;
using Recsys.Api.Experiments;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Health;

/// <summary>What this process knows about its own fitness.</summary>
public sealed class Readiness(ExperimentRegistry registry, CatalogueIndex catalogue)
{
    private volatile bool _wasReady;

    /// <summary>Whether the code paths of a decision have been compiled.</summary>
    public bool WarmedUp { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>Whether the process is stopping: no new requests, please.</summary>
    public bool Stopping { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>Started once and for all.</summary>
    public bool IsStarted => WarmedUp && registry.Loaded;

    /// <summary>
    /// Able to answer as it should: experiments, their parameters and their graphs are known. The catalogue matters only where an experiment decides from it. Once
    /// ready, only stopping changes it: when a store goes away the last good state keeps serving, and an experiment that comes later and has to wait
    /// for its parameters or items must not take this replica, and every other one with it, away from the experiments that are served.
    /// </summary>
    public bool IsReady
    {
        get
        {
            if (!_wasReady)
                _wasReady = IsStarted && ParametersKnown && ItemsKnown && GraphsKnown;
            return _wasReady && !Stopping;
        }
    }

    /// <summary>Serving from memory while a store is away.</summary>
    public bool IsDegraded => registry.StoreAway || registry.All.Values.Any(static r => r.StoreAway);

    /// <summary>Whether each experiment's parameters, or that there are none, are known.</summary>
    public bool ParametersKnown => registry.All.Values.All(static r => r.ParametersKnown);

    /// <summary>Whether every catalogue that matters is complete.</summary>
    public bool ItemsKnown => catalogue.CaughtUp || registry.All.Values.All(static r => r.Experiment.Definition.Candidates == CandidateSource.Request);

    /// <summary>Whether each experiment decides on the graph that it is meant to have, or on the best there is.</summary>
    public bool GraphsKnown => registry.All.Values.All(static r =>
        r.Catalogue.IsComplete || (r.Experiment.Definition.Candidates == CandidateSource.Request && !r.Experiment.Graph.HasPlan));
}
