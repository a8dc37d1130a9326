using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Gpu.Tests;

public sealed class TrainerTests
{
    private static readonly DiagLinUcbKind Kind = new();
    private static readonly PolicySpec Spec = PolicyCatalog.Configure(Kind, [], new FeatureSchema(), RewardRange.Unit, 0, []);

    [Fact]
    public void A_trainer_on_the_device_writes_the_bytes_of_one_on_the_cpu()
    {
        using var device = EmulatedDevice.Open();
        using var cpu = new DiagLinUcbTrainer(Spec);
        using var gpu = new DiagLinUcbTrainer(Spec, new GpuEdgeAccumulator(device));
        var interactions = Interactions(6007);
        // More deltas than wait at once, more edges than the smallest table, publications in between.
        foreach (var piece in interactions.Chunk(257))
        {
            cpu.Learn(piece);
            gpu.Learn(piece);
            Assert.Equal(Bytes(cpu.WriteParameters), Bytes(gpu.WriteParameters));
        }
        Assert.True(gpu.Edges > 1024);
        var checkpoint = Bytes(gpu.WriteCheckpoint);
        Assert.Equal(Bytes(cpu.WriteCheckpoint), checkpoint);
        using var resumed = new DiagLinUcbTrainer(Spec, new GpuEdgeAccumulator(device));
        resumed.ReadCheckpoint(checkpoint);
        resumed.Learn(interactions);
        cpu.Learn(interactions);
        Assert.Equal(Bytes(cpu.WriteCheckpoint), Bytes(resumed.WriteCheckpoint));
    }

    [Fact]
    public void A_trainer_gives_back_the_memory_of_the_device()
    {
        using var device = EmulatedDevice.Open();
        var trainer = new DiagLinUcbTrainer(Spec, new SpillingEdgeAccumulator(new GpuEdgeAccumulator(device), static _ => { }));
        trainer.Learn(Interactions(100));
        Assert.NotEqual(0, device.MemoryUsed);
        trainer.Dispose();
        Assert.Equal(0, device.MemoryUsed);
    }

    private static Interaction[] Interactions(int count)
    {
        var random = new Random(20_260_701);
        return [.. Enumerable.Range(0, count).Select(i => new Interaction(
            default, ActionKey.Of("a" + random.Next(211)), default, new[] { new ClusterWeight(random.Next(13), 0.6f), new ClusterWeight(13 + random.Next(7), 0.4f) },
            0.5f, random.NextSingle(), i))];
    }

    private static byte[] Bytes(Action<IBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
