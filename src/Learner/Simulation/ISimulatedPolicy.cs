using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation;

/// <summary>A policy that learns, as a simulated loop runs it.</summary>
public interface ISimulatedPolicy
{
    /// <summary>What decides now.</summary>
    IPolicy Policy { get; }

    /// <summary>Interactions learned so far.</summary>
    long Learned { get; }

    /// <summary>Bytes of the statistics kept, without what only speeds up finding them.</summary>
    long StateBytes { get; }

    /// <summary>A decision was made; its interaction will be learned.</summary>
    void Expect(Interaction decided)
    {
    }

    /// <summary>Learns a batch in order.</summary>
    void Learn(ReadOnlySpan<Interaction> batch);

    /// <summary>What keys of an error memory are made from; null where there is nothing but the input.</summary>
    IPolicyTrainer? Trainer => null;

    /// <summary>Lets <see cref="Policy"/> know what was learned.</summary>
    void Publish();
}

/// <summary>A served kind, learned and published as the learner would: trainer, bytes, frozen policy.</summary>
public sealed class PublishedPolicy : ISimulatedPolicy
{
    private readonly IPolicyKind _kind;
    private readonly PolicySpec _spec;
    private readonly IPolicyTrainer _trainer;
    private readonly IPendingTrainer? _pending;
    private readonly ArrayBufferWriter<byte> _parameters = new();

    /// <summary>An untrained policy.</summary>
    public PublishedPolicy(PolicySpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _kind = PolicyCatalog.Find(spec.Kind);
        _spec = spec;
        _trainer = _kind.CreateTrainer(spec);
        _pending = _trainer is IPendingTrainer { IsExpecting: true } pending ? pending : null;
        Policy = _kind.Assemble(spec, []);
    }

    /// <inheritdoc/>
    public IPolicy Policy { get; private set; }

    /// <inheritdoc/>
    public IPolicyTrainer Trainer => _trainer;

    /// <inheritdoc/>
    public long Learned => _trainer.Interactions;

    /// <inheritdoc/>
    public long StateBytes
    {
        get
        {
            var checkpoint = new ArrayBufferWriter<byte>();
            _trainer.WriteCheckpoint(checkpoint);
            return checkpoint.WrittenCount;
        }
    }

    /// <inheritdoc/>
    public void Expect(Interaction decided)
    {
        ArgumentNullException.ThrowIfNull(decided);
        _pending?.Expect(decided.Impression);
    }

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        _trainer.Learn(batch);
        if (_pending is null)
            return;
        foreach (var interaction in batch)
            _pending.Settle(interaction.Impression);
    }

    /// <inheritdoc/>
    public void Publish()
    {
        _parameters.ResetWrittenCount();
        var incremental = _trainer as IDeltaTrainer;
        var isDelta = incremental is not null && incremental.TryWriteDelta(_parameters);
        if (!isDelta)
            _trainer.WriteParameters(_parameters);
        // A copy, as a store would hand out: published bytes are immutable and a policy may keep views of them.
        PolicyShard[] published = [new(0, _trainer.Interactions, _parameters.WrittenSpan.ToArray())];
        Policy = isDelta ? ((IDeltaKind)_kind).Apply(_spec, Policy, published) : _kind.Assemble(_spec, published, Policy);
        incremental?.MarkPublished();
    }
}
