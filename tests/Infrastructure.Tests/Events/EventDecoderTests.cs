using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Xunit;

namespace Recsys.Infrastructure.Tests.Events;

public sealed class EventDecoderTests
{
    private static readonly byte[] Json = Encoding.UTF8.GetBytes("""{"type":"activation","decisionId":"d"}""");

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("application/json")]
    [InlineData("Application/JSON; charset=utf-8")]
    public void Decode_json_by_content_type(string? contentType) =>
        Assert.Equal(new ActivationEvent("d", 9), EventDecoder.Decode(Record(Json, contentType), new FeatureSchema()));

    [Fact]
    public void Decode_binary_by_content_type() => Assert.Equal(
        new TickEvent(5), EventDecoder.Decode(Record(EventSamples.Write(new TickEvent(5)), EventTopics.BinaryContentType), new FeatureSchema()));

    [Theory]
    [InlineData("application/cloudevents+json")]
    [InlineData("application/avro")]
    public void Decode_other_content_types_are_refused_by_name(string contentType)
    {
        var problem = Assert.Throws<EventFormatException>(() => EventDecoder.Decode(Record(Json, contentType), new FeatureSchema()));
        Assert.Contains(contentType, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1, "context vector length is 2")]
    [InlineData(2, 0, "action vector length is 1")]
    public void Decode_vectors_of_another_schema_are_refused(int context, int action, string reason)
    {
        var decision = new DecisionEvent(
            "d", 5, "uniform", 0, true, new FeatureSet(default, new float[2]), [new ClusterWeight(0, 1)],
            [new LoggedAction("a", new FeatureSet(default, new float[1]))], [new ChosenSlot(0, 1)]);
        var record = Record(EventSamples.Write(decision), EventTopics.BinaryContentType);
        Assert.IsType<DecisionEvent>(EventDecoder.Decode(record, new FeatureSchema(ContextVector: 2, ActionVector: 1)));
        var problem = Assert.Throws<EventFormatException>(() => EventDecoder.Decode(record, new FeatureSchema(ContextVector: context, ActionVector: action)));
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    private static LogRecord Record(byte[] value, string? contentType) => new(0, 0, default, value, new EventHeaders(contentType), AppendedAt: 9);
}
