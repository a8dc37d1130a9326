using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Snapshots;
using Recsys.TestKit;

namespace Recsys.Benchmarks;

/// <summary>
/// What it costs to publish what a partition of <c>diag-lin-ucb</c> has learned, and to serve it: bytes and time, whole and as a delta, by edges that exist and edges
/// that were touched. Through a redis-server of its own on the same machine. The time of a step is the median of several rounds.
/// </summary>
internal static class PublishingCost
{
    private const int EdgesOfItem = 10, Clusters = 1000, Rounds = 9, WholeRounds = 3;
    private const string Kind = "diag-lin-ucb", Experiment = "cost";

    public static int Run(IEnumerable<string> edges)
    {
        var numbers = edges.Select(static e => int.Parse(e, CultureInfo.InvariantCulture)).DefaultIfEmpty(1_000_000).ToList();
        if (!RedisServer.IsInstalled || PolicyCatalog.Find(Kind) is not IDeltaKind kind)
        {
            Console.Error.WriteLine($"redis-server is not on the path, or '{Kind}' writes no deltas.");
            return 1;
        }
        Console.WriteLine("| edges | touched | form | bytes | write ms | store ms | fetch ms | serve ms |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        using var server = new RedisServer();
        using var connection = new RedisConnection(
            new RedisOptions { Configuration = server.Configuration, BlobTimeout = TimeSpan.FromMinutes(1), ReplacedParametersKept = TimeSpan.FromSeconds(1) },
            NullLogger<RedisConnection>.Instance);
        foreach (var number in numbers)
            new Partition(kind, new RedisSnapshotStore(connection, NullLogger<RedisSnapshotStore>.Instance), number).Measure();
        return 0;
    }

    private sealed class Partition
    {
        private readonly IDeltaKind _kind;
        private readonly RedisSnapshotStore _store;
        private readonly PolicySpec _spec = Scene.Spec(Kind, new KeyValuePair<string, string>("edgesMax", "20000000"));
        private readonly IDeltaTrainer _trainer;
        private readonly int _items;
        private readonly Random _random = new(1);
        private readonly ArrayBufferWriter<byte> _buffer = new();
        private readonly long _epoch;
        private IPolicy? _policy;
        private long _published;

        public Partition(IDeltaKind kind, RedisSnapshotStore store, int edges)
        {
            (_kind, _store, _items, _epoch) = (kind, store, edges / EdgesOfItem, edges);
            _trainer = (IDeltaTrainer)kind.CreateTrainer(_spec);
            for (var item = 0; item < _items; item++)
                _trainer.Learn([Interaction(item)]);
        }

        public void Measure()
        {
            Print(0, "whole", [.. Enumerable.Range(0, WholeRounds).Select(_ => Whole())]);
            foreach (var touched in (int[])[100, 1000, 10_000])
                Print(touched, "delta", [.. Enumerable.Range(0, Rounds).Select(_ => Delta(touched))]);
        }

        private void Print(int touched, string form, IReadOnlyList<double[]> rounds)
        {
            var medians = Enumerable.Range(0, 5).Select(column => rounds.Select(r => r[column]).Order().ElementAt(rounds.Count / 2)).ToList();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {_items * EdgesOfItem} | {(touched == 0 ? "any" : touched)} | {form} | {medians[0]:0} | {medians[1]:0.00} | {medians[2]:0.00} | {medians[3]:0.00} | {medians[4]:0.00} |"));
        }

        // An item has edges to its own ten of the clusters.
        private static Interaction Interaction(int item)
        {
            var clusters = new ClusterWeight[EdgesOfItem];
            for (var i = 0; i < clusters.Length; i++)
                clusters[i] = new ClusterWeight(((item * 7) + (i * (Clusters / EdgesOfItem))) % Clusters, 0.1f);
            return new Interaction(default, new ActionKey((ulong)item * 0x9E3779B97F4A7C15), default, clusters, 0.1f, item % 2, 0);
        }

        private double[] Whole()
        {
            _trainer.Learn([Interaction(_random.Next(_items))]);
            var clock = Stopwatch.StartNew();
            _buffer.ResetWrittenCount();
            _trainer.WriteParameters(_buffer);
            var framed = SnapshotFraming.Frame(new SnapshotHeader(_spec.Fingerprint, 0, _epoch, _trainer.Interactions), _buffer.WrittenSpan);
            _kind.Assemble(_spec, [new PolicyShard(0, _trainer.Interactions, _buffer.WrittenMemory)]);
            var written = Lap(clock);
            var head = new ShardHead(0, _epoch, _trainer.Interactions, 0);
            Expect(_store.Publish(Experiment, head, framed));
            var stored = Lap(clock);
            _trainer.MarkPublished();
            _published = _trainer.Interactions;
            clock.Restart();
            var update = Fetch(head, null);
            var fetched = Lap(clock);
            SnapshotFraming.Open(update.Whole!.Value, _spec.Fingerprint, out var payload);
            _policy = _kind.Assemble(_spec, [new PolicyShard(0, head.Interactions, payload)]);
            return [framed.Length, written, stored, fetched, Lap(clock)];
        }

        private double[] Delta(int touched)
        {
            _trainer.Learn([.. Enumerable.Range(0, touched / EdgesOfItem).Select(_ => Interaction(_random.Next(_items)))]);
            var clock = Stopwatch.StartNew();
            _buffer.ResetWrittenCount();
            _trainer.TryWriteDelta(_buffer);
            var header = new SnapshotHeader(_spec.Fingerprint, 0, _epoch, _trainer.Interactions);
            var framed = SnapshotFraming.FrameDelta(new DeltaHeader(header, _published), _buffer.WrittenSpan);
            _kind.VerifyDelta(_spec, _buffer.WrittenSpan);
            var written = Lap(clock);
            var head = new ShardHead(0, _epoch, _trainer.Interactions, 0);
            Expect(_store.PublishDelta(Experiment, head, _published, framed));
            var stored = Lap(clock);
            _trainer.MarkPublished();
            clock.Restart();
            var update = Fetch(head, _published);
            var fetched = Lap(clock);
            var steps = update.Deltas.Select(delta =>
            {
                SnapshotFraming.OpenDelta(delta, _spec.Fingerprint, out var payload);
                return new PolicyShard(0, head.Interactions, payload);
            }).ToList();
            _policy = _kind.Apply(_spec, _policy!, steps);
            _published = head.Interactions;
            return [framed.Length, written, stored, fetched, Lap(clock)];
        }

        private ShardUpdate Fetch(ShardHead head, long? known) =>
            _store.FetchAsync(Experiment, head, known, CancellationToken.None).GetAwaiter().GetResult() ?? throw new InvalidOperationException("It is gone.");

        private static void Expect(SnapshotOutcome outcome)
        {
            if (outcome != SnapshotOutcome.Published)
                throw new InvalidOperationException($"{outcome}");
        }

        private static double Lap(Stopwatch clock)
        {
            var elapsed = clock.Elapsed.TotalMilliseconds;
            clock.Restart();
            return elapsed;
        }
    }
}
