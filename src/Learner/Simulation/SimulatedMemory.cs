using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation;

/// <summary>An error memory in a loop of one partition: served, traced, learned and published as the service does it.</summary>
public sealed class SimulatedMemory
{
    private readonly MemoryLearner _learner;
    private readonly TraceBuffer _traces = new();
    private readonly ArrayBufferWriter<byte> _published = new();
    private float[] _corrections = [];

    /// <summary>Remembers nothing.</summary>
    /// <param name="options">What is held.</param>
    /// <param name="spec">The policy that is corrected.</param>
    public SimulatedMemory(MemoryOptions options, PolicySpec spec)
    {
        _learner = new MemoryLearner(options, spec, makesKeys: true);
        Picture = MemoryPicture.Empty(options, spec);
    }

    /// <summary>What corrects now.</summary>
    public MemoryPicture Picture { get; private set; }

    /// <summary>Corrects estimates.</summary>
    public void Correct(in DecisionQuery query, Span<float> means)
    {
        if (_corrections.Length < means.Length)
            _corrections = new float[means.Length];
        Picture.Correct(query, means, _corrections);
    }

    /// <summary>What the decision is logged with; null while there are no keys.</summary>
    public MemoryTrace? Trace(in DecisionQuery query, ReadOnlySpan<ChosenSlot> chosen, ReadOnlySpan<float> means)
    {
        Picture.Trace(query, chosen, means, _corrections, _traces);
        return _traces.Count == 0 ? null : _traces.ToTrace(0);
    }

    /// <summary>Learns an interaction.</summary>
    public void Learn(Interaction interaction) => _learner.Learn(interaction);

    /// <summary>Makes keys anew when that is due.</summary>
    /// <param name="trainer">Has learned the same interactions; null where there is none.</param>
    public void RenewKeys(IPolicyTrainer? trainer) => _learner.RenewKeys(trainer);

    /// <summary>Lets <see cref="Picture"/> know what was learned.</summary>
    public void Publish()
    {
        _published.ResetWrittenCount();
        var isDelta = _learner.TryWriteDelta(_published);
        if (!isDelta)
            _learner.Write(_published);
        Picture = Picture.With([new PolicyShard(0, _learner.Interactions, _published.WrittenSpan.ToArray())], whole: !isDelta);
        _learner.MarkPublished();
    }
}
