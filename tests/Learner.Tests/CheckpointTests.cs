using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

public sealed class CheckpointTests
{
    private static readonly Checkpoint Some = new(
        0xDEADBEEF, 12, 3, 1000, new JoinResumePoint(900, 77, 1000, new byte[] { 5, 6, 7 }), new JoinCounts { Decisions = 4, Evicted = 9 }, new byte[] { 1, 2, 3, 4 });

    [Fact]
    public void Written_and_read_it_is_the_same()
    {
        var read = Checkpoint.Read(Some.Write());
        Assert.Equal((Some.Generation, Some.CreatedAt, Some.Epoch, Some.NextOffset), (read.Generation, read.CreatedAt, read.Epoch, read.NextOffset));
        Assert.Equal((900L, 77L, 1000L), (read.Resume.Offset, read.Resume.Watermark, read.Resume.NextOffset));
        Assert.Equal(Some.Resume.Starts.ToArray(), read.Resume.Starts.ToArray());
        Assert.Equal(Some.Counts, read.Counts);
        Assert.Equal(Some.Trainer.ToArray(), read.Trainer.ToArray());
        Assert.Equal(Some.StateDigest, read.StateDigest);
    }

    [Fact]
    public void Every_flipped_bit_is_refused()
    {
        var bytes = Some.Write();
        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<SnapshotFormatException>(() => Checkpoint.Read(bytes));
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Fact]
    public void Every_shorter_or_longer_copy_is_refused()
    {
        var bytes = Some.Write();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<SnapshotFormatException>(() => Checkpoint.Read(bytes.AsMemory(0, length)));
        Assert.Throws<SnapshotFormatException>(() => Checkpoint.Read(new byte[] { 0 }.Concat(bytes).ToArray()));
        Assert.Throws<SnapshotFormatException>(() => Checkpoint.Read(bytes.Concat(new byte[] { 0 }).ToArray()));
    }
}
