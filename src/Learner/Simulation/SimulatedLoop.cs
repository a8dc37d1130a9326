using System.Diagnostics;
using System.Globalization;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;

namespace Recsys.Learner.Simulation;

/// <summary>
/// The serving and learning loop on one thread: decisions take the path of a served decision (query, estimate, seeded draw), rewards become visible
/// after a delay, are learned in batches, and every batch is published (trainer, bytes, frozen policy) as the learner would.
/// </summary>
public sealed class SimulatedLoop
{
    /// <summary>Event time between two rounds, Unix milliseconds: one decision a second, which gives half-lives in hours a meaning.</summary>
    public const long RoundMilliseconds = 1000;

    private readonly ISimulatedPolicy _policy;
    private readonly int _delay;
    private readonly Interaction[] _batch;
    private readonly ulong _salt;
    private readonly SimulatedMemory? _memory;

    // Of decisions that are not complete: few, a caller completes them in the order in which it asked.
    private readonly Queue<MemoryTrace?> _traces = new();
    // At most delay + 1 interactions wait: one arrives and at most one falls due per round.
    private readonly Queue<Interaction> _waiting = new();
    private readonly ChosenSlot[] _slots = new ChosenSlot[1];
    private readonly byte[] _decisionId = new byte[32];
    private float[] _means = [];
    private float[] _widths = [];
    private float[] _scratch = [];
    private int[] _order = [];
    private int _batched;
    private long _round;
    private long _decideTicks;
    private long _learnTicks;

    /// <summary>An untrained loop of a served kind.</summary>
    /// <param name="spec">What to run.</param>
    /// <param name="delay">As below.</param>
    /// <param name="batch">As below.</param>
    /// <param name="seed">As below.</param>
    /// <param name="memory">As below.</param>
    public SimulatedLoop(PolicySpec spec, int delay, int batch, long seed, MemoryOptions? memory = null)
        : this(new PublishedPolicy(spec), delay, batch, seed, memory is null ? null : new SimulatedMemory(memory, spec))
    {
    }

    /// <summary>A loop.</summary>
    /// <param name="policy">What to run.</param>
    /// <param name="delay">Rounds between a decision and the round that may first profit from its reward, beyond the next one; at least 0.</param>
    /// <param name="batch">Interactions learned and published together, at least 1.</param>
    /// <param name="seed">Salt of the decisions' seeds.</param>
    /// <param name="memory">Corrects what the policy expects; null for none. It learns every interaction by itself as soon as it is due, as the service's does.</param>
    public SimulatedLoop(ISimulatedPolicy policy, int delay, int batch, long seed, SimulatedMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentOutOfRangeException.ThrowIfNegative(delay);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        _policy = policy;
        _delay = delay;
        _batch = new Interaction[batch];
        _salt = (ulong)seed;
        _memory = memory;
    }

    /// <summary>The policy that decides now.</summary>
    public IPolicy Policy => _policy.Policy;

    /// <summary>Interactions learned so far.</summary>
    public long Learned => _policy.Learned;

    /// <summary>Decisions per second of deciding: estimate and draw.</summary>
    public double DecisionsPerSecond => Rate(_round, _decideTicks);

    /// <summary>Interactions per second of learning, publishing not counted.</summary>
    public double LearnedPerSecond => Rate(Learned, _learnTicks);

    /// <summary>Decides and draws one action.</summary>
    public ChosenSlot Decide(in DecisionQuery query)
    {
        var started = Stopwatch.GetTimestamp();
        var candidates = query.Candidates.Length;
        if (_means.Length < candidates)
        {
            _means = new float[candidates];
            _widths = new float[candidates];
            _scratch = new float[SlateSampler.ScratchLength(candidates)];
            _order = new int[candidates];
        }
        var means = _means.AsSpan(0, candidates);
        var widths = _widths.AsSpan(0, candidates);
        Policy.Estimate(query, means, widths);
        _memory?.Correct(query, means);
        SlateSampler.Draw(Policy, means, widths, SeedOf(_round), _slots, _scratch, _order);
        if (_memory is not null)
            _traces.Enqueue(_memory.Trace(query, _slots, means));
        _decideTicks += Stopwatch.GetTimestamp() - started;
        return _slots[0];
    }

    /// <summary>What the last decision expected of one of its candidates, corrected where there is a memory.</summary>
    public float EstimateOf(int candidate) => _means[candidate];

    /// <summary>Ends a round, in the order in which they were decided: the interaction waits for its delay, and what falls due now is learned.</summary>
    /// <param name="interaction">The decision with its reward; owns its memory.</param>
    public void Complete(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        if (_memory is not null)
            interaction = interaction with { Trace = _traces.Dequeue() };
        _waiting.Enqueue(interaction);
        _policy.Expect(interaction);
        _round++;
        if (_waiting.Count <= _delay)
            return;
        var due = _waiting.Dequeue();
        var started = Stopwatch.GetTimestamp();
        _memory?.Learn(due);
        _learnTicks += Stopwatch.GetTimestamp() - started;
        _memory?.Publish();
        _batch[_batched++] = due;
        if (_batched < _batch.Length)
            return;
        _batched = 0;
        started = Stopwatch.GetTimestamp();
        _policy.Learn(_batch);
        _memory?.RenewKeys(_policy.Trainer);
        _learnTicks += Stopwatch.GetTimestamp() - started;
        _policy.Publish();
    }

    /// <summary>Event time of the current round.</summary>
    public long Now => _round * RoundMilliseconds;

    private DecisionSeed SeedOf(long round)
    {
        "simulated-"u8.CopyTo(_decisionId);
        round.TryFormat(_decisionId.AsSpan(10), out var digits, provider: CultureInfo.InvariantCulture);
        return DecisionSeed.Of(_salt, _decisionId.AsSpan(0, 10 + digits));
    }

    private static double Rate(long count, long ticks) => ticks == 0 ? 0 : count * (double)Stopwatch.Frequency / ticks;
}
