using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Gpu;

namespace Recsys.Learner.Training;

/// <summary>
/// Makes trainers that compute where this process computes. The catalogue of kinds is pure and knows no device, so the kinds that have a batch back end are
/// made here with it and stand in for their namesakes; what a trainer learns is the same, bit by bit.
/// </summary>
public sealed class TrainerFactory
{
    private readonly Dictionary<string, IPolicyKind> _onDevice;

    /// <summary>Trainers as the catalogue makes them, except for those of the given kinds, which stand in for their namesakes.</summary>
    public TrainerFactory(params IEnumerable<IPolicyKind> onDevice) => _onDevice = onDevice.ToDictionary(static k => k.Name, StringComparer.Ordinal);

    /// <summary>Trainers that compute where the process does.</summary>
    /// <param name="backend">Outlives the trainers.</param>
    public TrainerFactory(ComputeBackend backend) : this(new DiagLinUcbKind(backend.CreateEdges))
    {
    }

    /// <summary>Trainers as the catalogue makes them.</summary>
    public static TrainerFactory Cpu { get; } = new();

    /// <summary>An untrained trainer; dispose it if it can be disposed.</summary>
    public IPolicyTrainer Create(PolicySpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Kind(spec).CreateTrainer(spec);
    }

    /// <summary>The kind that makes them.</summary>
    public IPolicyKind Kind(PolicySpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return _onDevice.GetValueOrDefault(spec.Kind) ?? PolicyCatalog.Find(spec.Kind);
    }
}
