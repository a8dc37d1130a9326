using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Prometheus;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;
using Recsys.TestKit;
using StackExchange.Redis;
using Xunit;

namespace Recsys.Api.Tests.Snapshots;

/// <summary>
/// Learners, a store and replicas that look when they like, in any order, while learners are succeeded by others and the store forgets: what a replica serves is at any
/// time, bit by bit, what some learner had learned, and in the end what all have.
/// </summary>
public sealed class DeltaReplicaTests : IDisposable
{
    private const int Partitions = 3;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("recsys-deltas-");
    private readonly List<IDisposable> _opened = [];

    public void Dispose()
    {
        for (var i = _opened.Count - 1; i >= 0; i--)
            _opened[i].Dispose();
        _directory.Delete(recursive: true);
    }

    public static TheoryData<string, int> Cases()
    {
        var data = new TheoryData<string, int>();
        foreach (var kind in PolicyCatalog.Kinds.Values.OfType<IDeltaKind>().Select(static k => k.Name).Append("sums"))
        {
            for (var seed = 1; seed <= 3; seed++)
                data.Add(kind, seed);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Replicas_of_the_embedded_store_serve_what_was_learned(string kind, int seed)
    {
        var store = Opened(new LocalSnapshotStore(Opened(new DataDirectory(_directory.FullName)), TimeProvider.System, NullLogger<LocalSnapshotStore>.Instance));
        var epoch = 0L;
        var world = new World(kind, seed, store, store, _ => ++epoch);
        for (var step = 0; step < 400; step++)
            await world.StepAsync();
        await world.SettleAsync(forgets: false);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Replicas_of_Redis_serve_what_was_learned_whatever_Redis_forgets(string kind, int seed)
    {
        if (!RedisServer.IsInstalled)
            Assert.Skip("redis-server is not installed; tests/run.sh installs it.");
        var server = Opened(new RedisServer());
        var raw = Opened(await ConnectionMultiplexer.ConnectAsync(server.Configuration + ",allowAdmin=true,abortConnect=false")).GetDatabase();
        var connection = Opened(new RedisConnection(new RedisOptions { Configuration = server.Configuration }, NullLogger<RedisConnection>.Instance));
        var store = new RedisSnapshotStore(connection, NullLogger<RedisSnapshotStore>.Instance);
        ICheckpointStore checkpoints = new RedisCheckpointStore(connection);
        var world = new World(kind, seed, store, store, partition => checkpoints.AcquireEpoch("home", partition));
        var random = new Random(seed);
        for (var step = 0; step < 300; step++)
        {
            await world.StepAsync();
            RedisKey stream = $"recsys:{{home}}:deltas:{random.Next(Partitions)}";
            try
            {
                switch (random.Next(60))
                {
                    case 0: await raw.ExecuteAsync("FLUSHALL"); break;
                    case 1: await raw.StreamTrimAsync(stream, random.Next(3)); break;
                    case 2: await raw.KeyDeleteAsync(stream); break;
                    case 3 when await world.AnyHeadAsync() is { } head:
                        await raw.KeyDeleteAsync($"recsys:{{home}}:params:{head.Partition}:{head.Epoch}-{head.Base ?? head.Interactions}");
                        break;
                }
            }
            catch (Exception problem) when (problem is RedisException or TimeoutException)
            {
                // It is just being killed and started; the store that is tested finds that out by itself.
                Assert.True(step >= 100, problem.Message);
            }
            if (step is 100 or 200)
                server.Kill();
            if (step is 103 or 203)
                server.Start();
        }
        await world.SettleAsync(forgets: true);
    }

    private T Opened<T>(T disposable)
        where T : IDisposable
    {
        _opened.Add(disposable);
        return disposable;
    }

    private sealed class World
    {
        private const int Replicas = 3;

        private readonly Random _random;
        private readonly ISnapshotReader _reader;
        private readonly Func<int, long> _acquire;
        private readonly IDeltaKind _kind;
        private readonly Experiment _experiment;
        private readonly LearnerOutlets _outlets;
        private readonly List<LogRecord>[] _logs = [.. Enumerable.Range(0, Partitions).Select(static _ => new List<LogRecord>())];
        private readonly Tenure?[] _current = new Tenure?[Partitions];
        private readonly List<Tenure> _former = [];
        private readonly (DeltaRefresh Refresh, PolicySlot Slot)[] _replicas = new (DeltaRefresh, PolicySlot)[Replicas];
        private readonly Dictionary<(int Partition, long Interactions), byte[]> _learned = [];
        private readonly ApiMetrics _metrics = new(Metrics.WithCustomRegistry(Metrics.NewCustomRegistry()));
        private double _now;
        private int _decisions;

        public World(string kind, int seed, ISnapshotWriter writer, ISnapshotReader reader, Func<int, long> acquire)
        {
            (_random, _reader, _acquire) = (new Random(seed), reader, acquire);
            _kind = kind == "sums" ? new SumKind() : (IDeltaKind)PolicyCatalog.Find(kind);
            var json = $$$"""{"policy":{"kind":"{{{_kind.Name}}}"},"reward":{"window":"00:00:10","aggregate":"first"}}""";
            _experiment = new Experiment("home", ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(json), new List<KeyValuePair<string, string>>())!, 0, GraphHead.None);
            // ShardPublisher neither saves nor writes events.
            _outlets = new LearnerOutlets(
                writer, null!, null!, new FakeTimeProvider(), new TrainingOptions(),
                new LearnerMetrics(Metrics.WithCustomRegistry(Metrics.NewCustomRegistry())), NullLogger.Instance, new TrainerFactory(_kind));
            for (var i = 0; i < Replicas; i++)
                _replicas[i] = Join();
        }

        private PolicySpec Spec => _experiment.Definition.Policy;

        public async Task<ShardHead?> AnyHeadAsync()
        {
            var heads = await _reader.HeadsAsync("home", CancellationToken.None);
            return heads.Count == 0 ? null : heads[_random.Next(heads.Count)];
        }

        /// <summary>One thing happens.</summary>
        public async Task StepAsync()
        {
            var partition = _random.Next(Partitions);
            switch (_random.Next(40))
            {
                case 0:
                    TakeOver(partition);
                    break;
                case 1:
                    _replicas[_random.Next(Replicas)] = Join();
                    break;
                case 2 when _former.Count > 0:
                    // It does not know yet that it has been succeeded.
                    Advance(_former[_random.Next(_former.Count)], flush: true);
                    break;
                case 3 or 4 when _current[partition] is { } tenure:
                    if (Advance(tenure, flush: true))
                        Rebase(tenure);
                    break;
                case < 18 when _current[partition] is { } tenure:
                    Learn(tenure);
                    Advance(tenure, flush: false);
                    break;
                case < 20 when _current[partition] is { } tenure:
                    // Nothing learned: a sign of life.
                    Advance(tenure, flush: false);
                    break;
                default:
                    await LookAsync(_random.Next(Replicas));
                    break;
            }
        }

        /// <summary>Everybody publishes and looks until nothing changes; then all serve what was learned.</summary>
        public async Task SettleAsync(bool forgets)
        {
            for (var partition = 0; partition < Partitions; partition++)
            {
                if (_current[partition] is null)
                    Assert.True(await EventuallyAsync(() => TakeOver(partition)));
                Learn(_current[partition]!);
            }
            // Twice, so that a delta follows whatever had to be published whole.
            for (var round = 0; round < 2; round++)
            {
                foreach (var tenure in _current)
                {
                    Learn(tenure!);
                    Assert.True(await EventuallyAsync(() => Advance(tenure!, flush: true)));
                }
            }
            var expected = _kind.Assemble(Spec, [.. _current.Select((tenure, partition) => new PolicyShard(partition, tenure!.State.Interactions, tenure.State.Parameters().ToArray()))]);
            for (var replica = 0; replica < Replicas; replica++)
            {
                for (var looks = 0; looks < 5; looks++)
                    await LookAsync(replica);
                Assert.Equal(Content(expected), Content(_replicas[replica].Slot.Current.Policy!));
            }
            var counts = _metrics.For("home", _kind.Name);
            Assert.True(
                counts.Deltas.Value > 20 && (counts.Gaps.Value > 0 || !forgets), $"Only {counts.Deltas.Value} deltas and {counts.Gaps.Value} gaps: this proves little.");
            Assert.Equal(0, counts.Corrupt.Value + counts.OtherDefinition.Value);
        }

        private (DeltaRefresh, PolicySlot) Join()
        {
            var slot = new PolicySlot();
            var parts = new RefreshParts(_experiment, slot, _reader, _metrics.For("home", _kind.Name), new FakeTimeProvider(), NullLogger.Instance);
            return ((DeltaRefresh)ParameterRefresh.Create(parts, _kind), slot);
        }

        // A successor goes on from a checkpoint: somewhere in what was read, often behind what was published.
        private bool TakeOver(int partition)
        {
            long epoch;
            try
            {
                epoch = _acquire(partition);
            }
            catch (StoreUnavailableException)
            {
                return false;
            }
            var state = new PartitionState(_experiment, _outlets.Trainers);
            var publisher = new ShardPublisher(_experiment, partition, epoch, _outlets, _outlets.Metrics.For("home", partition));
            var next = new Tenure(partition, epoch, state, publisher);
            var read = _current[partition] is { } former ? former.Read : 0;
            next.Take(_logs[partition], read - _random.Next(read + 1));
            if (_current[partition] is { } succeeded)
                _former.Add(succeeded);
            _current[partition] = next;
            return true;
        }

        private void Learn(Tenure tenure)
        {
            var log = _logs[tenure.Partition];
            if (tenure.Read == log.Count)
            {
                // As many actions as make a new base due now and then.
                for (var count = _random.Next(150); count >= 0; count--)
                    Append(log, tenure.Partition);
            }
            tenure.Take(log, log.Count - tenure.Read);
        }

        private void Append(List<LogRecord> log, int partition)
        {
            var id = $"d{_decisions++}";
            var time = 1_700_000_000_000 + _decisions;
            var bytes = new ArrayBufferWriter<byte>();
            var action = $"a{_random.Next(500)}";
            var candidates = new[] { new Candidate(Encoding.UTF8.GetBytes(action), ActionKey.Of(action), default) };
            ClusterWeight[] clusters = [new(_random.Next(3), 0.25f + (_random.NextSingle() / 2)), new(3 + _random.Next(3), _random.NextSingle() / 2)];
            BinaryEventCodec.WriteDecision(
                bytes, Encoding.UTF8.GetBytes(id), time, Encoding.UTF8.GetBytes(_kind.Name), 0, activated: true, new DecisionQuery(default(FeatureSet), candidates, clusters),
                [new ChosenSlot(0, 1)], allCandidates: true, learned: true);
            log.Add(new LogRecord(partition, log.Count, default, bytes.WrittenMemory, new EventHeaders(EventTopics.BinaryContentType), time));
            bytes = new ArrayBufferWriter<byte>();
            BinaryEventCodec.WriteReward(bytes, new RewardEvent(id, time, _random.NextSingle()));
            log.Add(new LogRecord(partition, log.Count, default, bytes.WrittenMemory, new EventHeaders(EventTopics.BinaryContentType), time));
        }

        private bool Advance(Tenure tenure, bool flush)
        {
            _now += 1000;
            _learned[(tenure.Partition, tenure.State.Interactions)] = tenure.State.Parameters().ToArray();
            try
            {
                return flush ? tenure.Publisher.Flush(tenure.State, _now, (long)_now) : tenure.Publisher.Advance(tenure.State, _now, (long)_now);
            }
            catch (StoreUnavailableException)
            {
                return false;
            }
        }

        // What the publisher does when as much has changed as there is: the version that deltas led to, whole.
        private void Rebase(Tenure tenure)
        {
            var header = new SnapshotHeader(Spec.Fingerprint, tenure.Partition, tenure.Epoch, tenure.State.Interactions);
            try
            {
                _outlets.Snapshots.Publish(
                    "home", new ShardHead(tenure.Partition, tenure.Epoch, header.Interactions, (long)_now), SnapshotFraming.Frame(header, tenure.State.Parameters().Span));
            }
            catch (StoreUnavailableException)
            {
                // Deltas go on without.
            }
        }

        private async Task LookAsync(int replica)
        {
            var (refresh, slot) = _replicas[replica];
            try
            {
                await refresh.RefreshAsync(CancellationToken.None);
            }
            catch (StoreUnavailableException)
            {
                // It goes on serving what it has.
            }
            if (slot.Current.Policy is not { } policy)
                return;
            var shards = refresh.Serves.Values.Select(h => new PolicyShard(h.Partition, h.Interactions, _learned[(h.Partition, h.Interactions)]));
            Assert.Equal(Content(_kind.Assemble(Spec, [.. shards])), Content(policy));
        }

        /// <summary>Everything that can be seen of a policy: its sums, or its estimates of all actions for all clusters.</summary>
        private static string Content(IPolicy policy)
        {
            if (policy is SumPolicy { Sums: var sums })
                return Convert.ToHexString(sums.ToBytes());
            var candidates = Enumerable.Range(0, 500).Select(static i => new Candidate(default, ActionKey.Of($"a{i}"), default)).ToArray();
            float[] means = new float[candidates.Length], widths = new float[candidates.Length];
            var text = new StringBuilder().Append(policy.Descriptor.Version);
            for (var cluster = 0; cluster < 6; cluster++)
            {
                policy.Estimate(new DecisionQuery(default, candidates, [new ClusterWeight(cluster, 1)]), means, widths);
                foreach (var number in means.Concat(widths))
                    text.Append(' ').Append(BitConverter.SingleToInt32Bits(number));
            }
            return text.ToString();
        }

        private static async Task<bool> EventuallyAsync(Func<bool> attempt)
        {
            for (var tries = 0; tries < 200; tries++)
            {
                if (attempt())
                    return true;
                await Task.Delay(50);
            }
            return false;
        }

        private sealed class Tenure(int partition, long epoch, PartitionState state, ShardPublisher publisher)
        {
            public int Partition => partition;

            public long Epoch => epoch;

            public PartitionState State => state;

            public ShardPublisher Publisher => publisher;

            public int Read { get; private set; }

            public void Take(List<LogRecord> log, int count)
            {
                for (; count > 0; count--)
                    state.Take(log[Read++], learns: true);
                state.Learn();
            }
        }
    }
}
