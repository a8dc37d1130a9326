using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// The writing side of an experiment's error memory, for one partition of the log. Adds rewards where decisions say they belong; never encodes anything itself, but for the
/// keys of decisions to come, which partition 0 makes for all. Its state is a function of the sequence of interactions. Owned by one thread.
/// </summary>
/// <remarks>
/// When keys are renewed, decisions carry addresses in the old space and in the new one until the new one has enough samples to be served from: a double buffer. Samples of
/// a space that is older than both are counted and left out. When the model's losses jump, what is remembered is of a world that has gone: all is forgotten but the latest
/// samples, which raised the alarm.
/// </remarks>
public sealed class MemoryLearner
{
    /// <summary>Interactions after which keys are made for the first time; then after as many again, up to <see cref="MemoryOptions.RenewAfter"/>.</summary>
    public const int FirstKeysAfter = 64;

    // What is kept at an alarm: about as many as raise it.
    private const int Latest = 8;

    // Share of the newest loss in the running means.
    private const double LossShare = 0.002;
    private static readonly DriftSignal DriftSignal = new();
    private readonly PolicySpec _spec;
    private readonly bool _makesKeys;
    private readonly ulong _lineage;
    private readonly List<(KeySpace Space, ErrorMemory Memory)> _spaces = [];
    private readonly List<(KeySpace Space, byte[] Bytes)> _keys = [];
    private readonly Queue<(IReadOnlyList<MemoryAddress> Addresses, double Reward, double Expected)> _latest = new();
    private readonly TrustLearner _trust;
    private InputStatistics? _inputs;
    private DriftState _drift;
    private long _nextKeys = FirstKeysAfter;
    private long _traced;
    private bool _published;
    private bool _keysChanged;

    /// <summary>Has seen nothing.</summary>
    /// <param name="options">What is held.</param>
    /// <param name="spec">The policy whose predictions are corrected.</param>
    /// <param name="makesKeys">Whether it makes the keys of all partitions.</param>
    public MemoryLearner(MemoryOptions options, PolicySpec spec, bool makesKeys)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(spec);
        options.Validate();
        (Options, _spec, _makesKeys) = (options, spec, makesKeys);
        _lineage = options.Lineage(spec.Fingerprint);
        _trust = new TrustLearner(options);
        _inputs = makesKeys ? new InputStatistics(spec.Features) : null;
    }

    /// <summary>What is held.</summary>
    public MemoryOptions Options { get; }

    /// <summary>Interactions seen: the version of what is published.</summary>
    public long Interactions { get; private set; }

    /// <summary>Interactions that carried no trace, because there were no keys when they were decided, or because somebody else logged them.</summary>
    public long Untraced => Interactions - _traced;

    /// <summary>Samples that were addressed in a space that nobody reads any more.</summary>
    public long Stale { get; private set; }

    /// <summary>How often losses have jumped and the memory was emptied.</summary>
    public long Alarms => _drift.Alarms;

    /// <summary>Samples held in the space that holds most.</summary>
    public long Samples => _spaces.Count == 0 ? 0 : _spaces.Max(static s => s.Memory.Samples);

    /// <summary>Running mean of the cross entropy of what the model alone expected; 0 before the first.</summary>
    public double PlainLoss { get; private set; }

    /// <summary>The same of what was served.</summary>
    public double CorrectedLoss { get; private set; }

    /// <summary>Takes an interaction in.</summary>
    public void Learn(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        Interactions++;
        _inputs?.Observe(interaction);
        if (interaction.Trace is not { } trace)
            return;
        _traced++;
        var reward = _spec.Reward.Normalize(interaction.Reward);
        var (expected, corrected) = (Normalize(trace.Expected), Normalize(trace.Corrected));
        _trust.Observe(expected, trace.Evidence, trace.Local, reward);
        var share = Math.Max(LossShare, 1.0 / _traced);
        PlainLoss += share * (TrustLearner.CrossEntropy(expected, reward) - PlainLoss);
        CorrectedLoss += share * (TrustLearner.CrossEntropy(corrected, reward) - CorrectedLoss);
        Keep(trace.Addresses, reward, expected);
        Add(trace.Addresses, reward, expected);
        var error = Math.Clamp(expected, 0, 1) - reward;
        _drift = DriftSignal.Observe(_drift, 0.5 * error * error);
        if (_drift.IsAlarm)
            ForgetAllButLatest();
    }

    /// <summary>Makes keys anew when that is due. Call it after the trainer has learned the interactions.</summary>
    /// <param name="trainer">Learned the same interactions; null where there is nothing but the input to make them of.</param>
    public void RenewKeys(IPolicyTrainer? trainer)
    {
        if (!_makesKeys || Interactions < _nextKeys)
            return;
        var space = KeySpace.Of(_lineage, Interactions);
        var bytes = new ArrayBufferWriter<byte>();
        if (trainer is IKeySource source && Options.Keys != MemoryKeys.Input)
            source.WriteKeys(new StateWriter(bytes), space);
        else
            _inputs!.WriteKeys(new StateWriter(bytes), space);
        if (_keys.Count == MemoryTrace.AddressesMax)
            _keys.RemoveAt(0);
        _keys.Add((space, bytes.WrittenSpan.ToArray()));
        _keysChanged = true;
        _nextKeys = Interactions + Math.Min(Math.Max(Interactions, FirstKeysAfter), Options.RenewAfter);
    }

    /// <summary>Writes what serving needs.</summary>
    public void Write(IBufferWriter<byte> output) => Write(output, whole: true);

    /// <summary>Writes what serving needs of what has changed since <see cref="MarkPublished"/>.</summary>
    /// <returns>False, with nothing written, when only the whole will do.</returns>
    public bool TryWriteDelta(IBufferWriter<byte> output)
    {
        if (_published)
            Write(output, whole: false);
        return _published;
    }

    /// <summary>What was last written has reached its readers, and nothing has changed since.</summary>
    public void MarkPublished()
    {
        foreach (var (_, memory) in _spaces)
            memory.MarkPublished();
        _published = true;
        _keysChanged = false;
    }

    /// <summary>Writes the whole state. Equal states write equal bytes.</summary>
    public void WriteCheckpoint(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Write((long)_lineage);
        writer.Write(Interactions);
        writer.Write(_traced);
        writer.Write(Stale);
        writer.Write(_nextKeys);
        writer.Write(PlainLoss);
        writer.Write(CorrectedLoss);
        writer.Write<DriftState>([_drift]);
        _trust.Write(writer);
        WriteKeys(writer);
        WriteSpaces(writer, whole: true);
        writer.Write(_latest.Count);
        foreach (var (addresses, reward, expected) in _latest)
        {
            writer.Write(reward);
            writer.Write(expected);
            writer.Write(addresses.Count);
            foreach (var address in addresses)
            {
                writer.Write((long)address.Space.Value);
                writer.Write(address.Codes.Span);
            }
        }
        _inputs?.Write(writer);
    }

    /// <summary>A learner as <see cref="WriteCheckpoint"/> wrote it; one that has seen nothing where the settings have changed since in what cannot be read together.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static MemoryLearner Read(ReadOnlySpan<byte> bytes, MemoryOptions options, PolicySpec spec, bool makesKeys)
    {
        var learner = new MemoryLearner(options, spec, makesKeys);
        var reader = new StateReader(bytes, "Error memory");
        if ((ulong)reader.Long() != learner._lineage)
            return learner;
        learner.Interactions = reader.Long(0, long.MaxValue);
        learner._traced = reader.Long(0, learner.Interactions);
        learner.Stale = reader.Long(0, long.MaxValue);
        learner._nextKeys = reader.Long(0, long.MaxValue);
        learner.PlainLoss = reader.Finite();
        learner.CorrectedLoss = reader.Finite();
        learner._drift = reader.Array<DriftState>(1)[0];
        reader.Require(learner._drift.IsValid, "losses cannot have led to its drift signal");
        learner._trust.Read(ref reader);
        var shard = new MemoryParts(ref reader, learner._lineage, options.Shape, keysMayBeAbsent: false);
        foreach (var keys in shard.Keys!)
        {
            _ = FrozenKeys.Read(keys.Bytes, spec);
            learner._keys.Add(keys);
        }
        foreach (var (space, change) in shard.Spaces)
        {
            var memory = new ErrorMemory(options.Shape);
            memory.Become(change);
            learner._spaces.Add((space, memory));
        }
        var latest = reader.Long(0, Latest);
        for (var i = 0; i < latest; i++)
        {
            var (reward, expected) = (reader.Finite(), reader.Finite());
            reader.Require(reward is >= 0 and <= 1, "a reward is not normalised");
            var addresses = new MemoryAddress[reader.Long(0, MemoryTrace.AddressesMax)];
            for (var a = 0; a < addresses.Length; a++)
                addresses[a] = new MemoryAddress(new KeySpace((ulong)reader.Long()), reader.ArrayUpTo<ushort>(MemoryShape.ArraysMax));
            learner._latest.Enqueue((addresses, reward, expected));
        }
        if (makesKeys)
            learner._inputs = InputStatistics.Read(ref reader, spec.Features);
        reader.End();
        return learner;
    }

    /// <summary>The same under changed settings: with what it has learned where these only change how the memory is read or how fast it fades; else with nothing.</summary>
    public MemoryLearner Under(MemoryOptions options)
    {
        var checkpoint = new ArrayBufferWriter<byte>();
        WriteCheckpoint(checkpoint);
        return Read(checkpoint.WrittenSpan, options, _spec, _makesKeys);
    }

    private double Normalize(float value) => (value - _spec.Reward.Minimum) / (_spec.Reward.Maximum - _spec.Reward.Minimum);

    private void Keep(IReadOnlyList<MemoryAddress> addresses, double reward, double expected)
    {
        if (_latest.Count == Latest)
            _latest.Dequeue();
        _latest.Enqueue((addresses, reward, expected));
    }

    private void Add(IReadOnlyList<MemoryAddress> addresses, double reward, double expected)
    {
        foreach (var address in addresses)
        {
            if (Find(address.Space) is not { } memory || !IsOf(Options.Shape, address.Codes.Span))
            {
                Stale++;
                continue;
            }
            if (memory.CurrentSamples >= Options.Window)
                memory.Advance(memory.Bucket + 1);
            memory.Add(address.Codes.Span, reward, expected);
        }
    }

    private static bool IsOf(MemoryShape shape, ReadOnlySpan<ushort> codes)
    {
        foreach (var code in codes)
        {
            if (code >> shape.Bits != 0)
                return false;
        }
        return codes.Length == shape.Arrays;
    }

    /// <summary>The memory of a space, opened when it is a newer one; null for one that is older than both that are held, or of another lineage.</summary>
    private ErrorMemory? Find(KeySpace space)
    {
        foreach (var (held, memory) in _spaces)
        {
            if (held == space)
                return memory;
        }
        if (!space.IsRelated(KeySpace.Of(_lineage, 0)))
            return null;
        if (_spaces.Count == MemoryTrace.AddressesMax)
        {
            if (space.Version < _spaces[0].Space.Version)
                return null;
            _spaces.RemoveAt(0);
        }
        var opened = new ErrorMemory(Options.Shape);
        _spaces.Add((space, opened));
        _spaces.Sort(static (a, b) => a.Space.Version.CompareTo(b.Space.Version));
        return opened;
    }

    private void ForgetAllButLatest()
    {
        foreach (var (_, memory) in _spaces)
            memory.Clear();
        var stale = Stale;
        foreach (var (addresses, reward, expected) in _latest)
            Add(addresses, reward, expected);
        // Those were counted when they came.
        Stale = stale;
    }

    private void Write(IBufferWriter<byte> output, bool whole)
    {
        var writer = new StateWriter(output);
        writer.Write((long)_lineage);
        writer.Write(Interactions);
        writer.Write(Options.Evidence is null ? 1L : 0L);
        if (Options.Evidence is null)
            _trust.Write(writer);
        if (whole || _keysChanged)
            WriteKeys(writer);
        else
            writer.Write(MemoryParts.KeysUnchanged);
        WriteSpaces(writer, whole);
    }

    private void WriteKeys(StateWriter writer)
    {
        writer.Write(_keys.Count);
        foreach (var (space, bytes) in _keys)
        {
            writer.Write((long)space.Value);
            writer.Write<byte>(bytes);
        }
    }

    private void WriteSpaces(StateWriter writer, bool whole)
    {
        writer.Write(_spaces.Count);
        foreach (var (space, memory) in _spaces)
        {
            var bytes = new ArrayBufferWriter<byte>();
            if (whole || !memory.TryWriteDelta(bytes))
                memory.Write(bytes);
            writer.Write((long)space.Value);
            writer.Write(bytes.WrittenSpan);
        }
    }
}
