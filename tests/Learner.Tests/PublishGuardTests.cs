using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;
using Recsys.TestKit;

namespace Recsys.Learner.Tests;

public sealed class PublishGuardTests
{
    private static readonly PolicySpec Spec = Streams.Experiment().Definition.Policy;

    public static TheoryData<string> Kinds() => [.. PolicyCatalog.Kinds.Keys];

    private static byte[] Frame(IPolicyTrainer trainer, ulong fingerprint, long? interactions = null)
    {
        var bytes = new ArrayBufferWriter<byte>();
        trainer.WriteParameters(bytes);
        return SnapshotFraming.Frame(new SnapshotHeader(fingerprint, 0, 1, interactions ?? trainer.Interactions), bytes.WrittenSpan);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Parameters_of_every_kind_pass_untrained_and_trained(string name)
    {
        var spec = Streams.Experiment(name).Definition.Policy;
        var kind = PolicyCatalog.Find(name);
        var trainer = kind.CreateTrainer(spec);
        var guard = new PublishGuard(kind, spec);
        Assert.Null(guard.Problem(Frame(trainer, spec.Fingerprint), null));
        var decision = Streams.Decision("d", 1);
        var action = decision.Actions[0];
        var interaction = new Interaction(decision.Context, action.Key, action.Features, new[] { new ClusterWeight(0, 1) }, 0.5f, 1, 1);
        trainer.Learn([interaction]);
        Assert.Null(guard.Problem(Frame(trainer, spec.Fingerprint), interaction));
    }

    [Fact]
    public void Damaged_frame_and_wrong_version_are_refused()
    {
        var kind = PolicyCatalog.Find("uniform");
        var trainer = kind.CreateTrainer(Spec);
        var guard = new PublishGuard(kind, Spec);
        var framed = Frame(trainer, Spec.Fingerprint);
        framed[^1] ^= 1;
        Assert.Contains("checksum", guard.Problem(framed, null), StringComparison.Ordinal);
        Assert.NotNull(guard.Problem(Frame(trainer, Spec.Fingerprint + 1), null));
        Assert.NotNull(guard.Problem(Frame(trainer, Spec.Fingerprint, interactions: 5), null));
    }

    [Fact]
    public void Delta_is_read_as_its_reader_will_and_refused_where_that_fails()
    {
        var kind = new SumKind();
        var guard = new PublishGuard(kind, Spec);
        byte[] Delta(ReadOnlySpan<byte> payload, ulong fingerprint) =>
            SnapshotFraming.FrameDelta(new DeltaHeader(new SnapshotHeader(fingerprint, 0, 1, 4), 2), payload);
        var trainer = new SumTrainer();
        trainer.MarkPublished();
        var bytes = new ArrayBufferWriter<byte>();
        Assert.True(trainer.TryWriteDelta(bytes));
        Assert.Null(guard.DeltaProblem(Delta(bytes.WrittenSpan, Spec.Fingerprint)));
        Assert.Contains("no sums", guard.DeltaProblem(Delta(bytes.WrittenSpan[1..], Spec.Fingerprint)), StringComparison.Ordinal);
        Assert.NotNull(guard.DeltaProblem(Delta(bytes.WrittenSpan, Spec.Fingerprint + 1)));
        var framed = Delta(bytes.WrittenSpan, Spec.Fingerprint);
        framed[^1] ^= 1;
        Assert.Contains("checksum", guard.DeltaProblem(framed), StringComparison.Ordinal);
        Assert.Contains("no deltas", new PublishGuard(PolicyCatalog.Find("uniform"), Spec).DeltaProblem(framed), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, 0, 1, false)]
    [InlineData(float.PositiveInfinity, 0, 1, false)]
    [InlineData(0, float.NaN, 1, false)]
    [InlineData(0, -1, 1, false)]
    [InlineData(0, 0, float.NaN, false)]
    [InlineData(0, 0, 0.5f, false)]
    [InlineData(0.3f, 0.1f, 1, true)]
    public void Unusable_estimates_are_refused(float mean, float width, float propensity, bool usable)
    {
        var kind = new OddKind(mean, width, propensity);
        Assert.Equal(usable, new PublishGuard(kind, Spec).Problem(Frame(kind.CreateTrainer(Spec), Spec.Fingerprint), null) is null);
    }

    // Says whatever it is told to.
    private sealed class OddKind(float mean, float width, float propensity) : IPolicyKind
    {
        public string Name => "odd";

        public IReadOnlyList<Hyperparameter> Hyperparameters => [];

        public IPolicyTrainer CreateTrainer(PolicySpec spec) => PolicyCatalog.Find("uniform").CreateTrainer(spec);

        public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null) => new Odd(mean, width, propensity);
    }

    private sealed class Odd(float mean, float width, float propensity) : IPolicy
    {
        public PolicyDescriptor Descriptor => new("odd", 0, 0);

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
        {
            means.Fill(mean);
            widths.Fill(width);
        }

        public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) => propensities.Fill(propensity);
    }
}
