using System.Text;
using CsCheck;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Xunit;

namespace Recsys.Infrastructure.Tests.Events;

public sealed class JsonEventCodecTests
{
    private const long AppendedAt = 1_800_000_000_000;
    private static readonly FeatureSchema Plain = new();

    [Fact]
    public void Reward_reads_every_field() => Assert.Equal(
        new RewardEvent("d/1", 1_769_860_807_250, 0.5, "a", "e1"),
        Read("""{"type":"reward","time":"2026-01-31T12:00:07.25Z","decisionId":"d/1","value":0.5,"action":"a","eventId":"e1","ours":{"x":1}}"""));

    [Fact]
    public void Reward_null_fields_count_as_not_given() => Assert.Equal(
        new RewardEvent("d", AppendedAt, 1), Read("""{"type":"reward","time":null,"decisionId":"d","value":1,"action":null,"eventId":null}"""));

    [Fact]
    public void CloudEvents_headers_stand_in_for_missing_fields()
    {
        var headers = new EventHeaders("application/json", "com.example.shop.reward", "2026-01-31T12:00:07.25Z", "ce-7");
        Assert.Equal(new RewardEvent("d", 1_769_860_807_250, 1, null, "ce-7"), Read("""{"decisionId":"d","value":1}""", headers));
        Assert.Equal(new ActivationEvent("d", 0), Read("""{"type":"activation","time":"1970-01-01T00:00:00Z","decisionId":"d"}""", headers));
    }

    [Fact]
    public void Decision_encodes_features_by_the_hashing_rule()
    {
        var decision = Assert.IsType<DecisionEvent>(Read(
            """
            {"type":"decision","time":"2026-01-31T12:00:00Z","decisionId":"d","policy":"ours","policyVersion":12,"activate":false,
             "context":{"features":{"device":"mobile","hour":13,"geo":{"country":"NL"},"tags":["a",2,true]},"vector":[1,2]},
             "clusters":[{"cluster":4,"weight":0.5},{"cluster":9,"weight":0.5}],
             "actions":[{"id":"a1","vector":[3]},{"id":"a2","features":{"topic":"news"},"vector":[4]}],
             "chosen":[{"id":"a2","propensity":0.25},{"id":"a1","propensity":1}]}
            """,
            schema: new FeatureSchema(ContextVector: 2, ActionVector: 1)));
        var expected = new DecisionEvent(
            "d", 1_769_860_800_000, "ours", 12, false,
            new FeatureSet(
                new SparseFeature[]
                {
                    new(FeatureHash.Of("", "device", "mobile"), 1), new(FeatureHash.Of("", "hour", null), 13), new(FeatureHash.Of("geo", "country", "NL"), 1),
                    new(FeatureHash.Of("", "tags", "a"), 1), new(FeatureHash.Of("", "tags[1]", null), 2), new(FeatureHash.Of("", "tags", "true"), 1),
                },
                new float[] { 1, 2 }),
            [new ClusterWeight(4, 0.5f), new ClusterWeight(9, 0.5f)],
            [
                new LoggedAction("a1", new FeatureSet(default, new float[] { 3 })),
                new LoggedAction("a2", new FeatureSet(new SparseFeature[] { new(FeatureHash.Of("", "topic", "news"), 1) }, new float[] { 4 })),
            ],
            [new ChosenSlot(1, 0.25f), new ChosenSlot(0, 1)]);
        Assert.Equal(EventSamples.Describe(expected), EventSamples.Describe(decision));
    }

    [Fact]
    public void Decision_without_clusters_belongs_to_cluster_0_and_is_active()
    {
        var decision = Assert.IsType<DecisionEvent>(Read("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}"""));
        Assert.Equal([new ClusterWeight(0, 1)], decision.Clusters);
        Assert.True(decision.Activated);
        Assert.Equal("external", decision.Policy);
        Assert.Equal(AppendedAt, decision.Time);
    }

    [Fact]
    public void Decision_takes_the_traces_of_its_positions()
    {
        var decision = Assert.IsType<DecisionEvent>(Read(
            """
            {"type":"decision","decisionId":"d","actions":[{"id":"a"},{"id":"b"}],"chosen":[{"id":"b","propensity":0.5},{"id":"a","propensity":1}],
             "memory":[
              {"expected":0.25,"corrected":0.5,"evidence":3,"local":-1,"addresses":[{"space":"0102030405060708","codes":[1,4095.0]},{"space":"ffFFffffffffffff","codes":[2,65535]}]},
              {"expected":-2,"corrected":1e3,"evidence":0,"local":0,"addresses":[{"space":"0000000000000000","codes":[0]}],"ours":1}]}
            """));
        MemoryTrace[] expected =
        [
            new(0.25f, 0.5f, 3, -1, [new(new KeySpace(0x0102030405060708), new ushort[] { 1, 4095 }), new(new KeySpace(ulong.MaxValue), new ushort[] { 2, 65535 })]),
            new(-2, 1000, 0, 0, [new(new KeySpace(0), new ushort[] { 0 })]),
        ];
        Assert.Equal(EventSamples.Describe(decision with { Traces = expected }), EventSamples.Describe(decision));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    public void Decision_without_traces_has_none(string given) => Assert.Empty(Assert.IsType<DecisionEvent>(Read(
        $$"""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":{{given}}}""")).Traces);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{}", "no 'type'")]
    [InlineData("""{"type":7}""", "'type' must be text")]
    [InlineData("""{"type":"tick"}""", "Unknown event type 'tick'")]
    [InlineData("""{"type":"reward","value":1}""", "no 'decisionId'")]
    [InlineData("""{"type":"reward","decisionId":"","value":1}""", "1 to 256 characters")]
    [InlineData("""{"type":"reward","decisionId":"a\u0007","value":1}""", "control characters")]
    [InlineData("""{"type":"reward","decisionId":"\ud800","value":1}""", "cannot be read")]
    [InlineData("""{"type":"reward","decisionId":"d"}""", "'value' must be a finite number")]
    [InlineData("""{"type":"reward","decisionId":"d","value":"1"}""", "'value' must be a finite number")]
    [InlineData("""{"type":"reward","decisionId":"d","value":1e999}""", "'value' must be a finite number")]
    [InlineData("""{"type":"reward","decisionId":"d","value":NaN}""", "not valid JSON")]
    [InlineData("""{"type":"reward","decisionId":"d","value":1,"time":"31.01.2026"}""", "no RFC 3339 time")]
    [InlineData("""{"type":"reward","decisionId":"d","value":1,"time":"2026-01-31T12:00:00"}""", "no RFC 3339 time")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}]}""", "no array 'chosen'")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":{},"chosen":[]}""", "'actions' must be an array")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":["a"],"chosen":[]}""", "An object with 'id'")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[]}""", "no chosen action")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"},{"id":"a"}],"chosen":[]}""", "listed twice")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"b","propensity":1}]}""", "not among")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1},{"id":"a","propensity":1}]}""", "twice")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":0}]}""", "outside (0, 1]")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1.01}]}""", "outside (0, 1]")]
    [InlineData("""{"type":"decision","decisionId":"d","context":"x","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'context' must be an object")]
    [InlineData("""{"type":"decision","decisionId":"d","context":{"features":[1]},"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'features' of context")]
    [InlineData("""{"type":"decision","decisionId":"d","context":{"vector":[1]},"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'vector' of context")]
    [InlineData("""{"type":"decision","decisionId":"d","activate":"no","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'activate' must be true or false")]
    [InlineData("""{"type":"decision","decisionId":"d","policyVersion":1.5,"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'policyVersion' must be a whole number")]
    [InlineData("""{"type":"decision","decisionId":"d","clusters":[{"cluster":-1,"weight":1}],"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "'cluster' must be a whole")]
    [InlineData("""{"type":"decision","decisionId":"d","clusters":[{"cluster":1,"weight":2}],"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""", "weights lie in [0, 1]")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":{}}""", "'memory' must be an array")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[1]}""", "An object with 'addresses'")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{}]}""", "no array 'addresses'")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]}]},{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]}]}]}""", "2 memory traces for 1 positions")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]}]}]}""", "'corrected' must be a finite number")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1e39,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]}]}]}""", "not finite")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":-1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]}]}]}""", "evidence -1")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1.5,"addresses":[{"space":"0000000000000001","codes":[1]}]}]}""", "outside [-1, 1]")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":" 000000000000001","codes":[1]}]}]}""", "16 hexadecimal digits")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"1","codes":[1]}]}]}""", "16 hexadecimal digits")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[65536]}]}]}""", "'codes' must be a whole number")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[null]}]}]}""", "'codes' must be a finite number")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[]}]}]}""", "0 codes")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[{"space":"0000000000000001","codes":[1]},{}]}]}""", "no array 'codes'")]
    [InlineData("""{"type":"decision","decisionId":"d","actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}],"memory":[{"expected":1,"corrected":1,"evidence":1,"local":1,"addresses":[]}]}""", "0 addresses")]
    public void Read_says_what_is_wrong(string json, string reason) =>
        Assert.Contains(reason, Assert.Throws<EventFormatException>(() => Read(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_invalid_utf8_is_refused_also_inside_features()
    {
        var json = Encoding.UTF8.GetBytes("""{"type":"decision","decisionId":"d","context":{"features":{"x":"?"}},"actions":[{"id":"a"}],"chosen":[{"id":"a","propensity":1}]}""");
        json[Array.IndexOf(json, (byte)'?')] = 0xFF;
        var problem = Assert.Throws<EventFormatException>(() => JsonEventCodec.Read(json, default, Plain, AppendedAt));
        Assert.Contains("UTF-8", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_random_damage_throws_nothing_but_its_own_exception()
    {
        var whole = Encoding.UTF8.GetBytes(
            """{"type":"decision","time":"2026-01-31T12:00:00Z","decisionId":"d\u00e9","policyVersion":1,"activate":true,"context":{"features":{"n":{"x":["a\n",1]}},"vector":[1]},"clusters":[{"cluster":0,"weight":1}],"actions":[{"id":"a","vector":[]}],"chosen":[{"id":"a","propensity":1}]}""");
        var pieces = Gen.OneOf(Gen.Byte, Gen.Char["\"\\{}[],:0e-nut"].Select(c => (byte)c));
        Gen.Select(Gen.Select(Gen.Int[0, 10_000], pieces).Array[1, 4], Gen.Int[0, 400]).Sample(
            (damage, length) =>
            {
                var bytes = whole.ToArray();
                foreach (var (at, value) in damage)
                    bytes[at % bytes.Length] = value;
                try
                {
                    JsonEventCodec.Read(bytes.AsMemory(0, length < 300 ? Math.Min(length, bytes.Length) : bytes.Length), default, new FeatureSchema(ContextVector: 1), AppendedAt);
                }
                catch (EventFormatException problem)
                {
                    Assert.NotEmpty(problem.Message);
                }
            },
            seed: "0000000000000", iter: 20_000, threads: 1);
    }

    [Theory]
    [InlineData("2026-01-31T12:00:07Z", 1_769_860_807_000)]
    [InlineData("2026-01-31t12:00:07z", 1_769_860_807_000)]
    [InlineData("2026-01-31 13:00:07.5+01:00", 1_769_860_807_500)]
    [InlineData("2026-01-31T06:30:07.123456789-05:30", 1_769_860_807_123)]
    [InlineData("1970-01-01T00:00:00Z", 0)]
    [InlineData("2016-12-31T23:59:60Z", 1_483_228_800_000)]
    public void Rfc3339_reads_times(string text, long expected)
    {
        Assert.True(Rfc3339.TryParse(text, out var unixMs));
        Assert.Equal(expected, unixMs);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2026-01-31")]
    [InlineData("2026-01-31T12:00:07")]
    [InlineData("2026-02-30T12:00:07Z")]
    [InlineData("2026-01-31T24:00:07Z")]
    [InlineData("2026-01-31T12:00:07.Z")]
    [InlineData("2026-01-31T12:00:07+0100")]
    [InlineData("2026-01-31T12:00:07ZZ")]
    [InlineData("1969-12-31T23:59:59Z")]
    [InlineData("٢026-01-31T12:00:07Z")]
    public void Rfc3339_refuses_what_is_none(string text) => Assert.False(Rfc3339.TryParse(text, out _));

    [Fact]
    public void Rfc3339_agrees_with_the_framework() =>
        Gen.Select(Gen.Long[0, 253_402_300_799_999], Gen.Int[-14 * 60, 14 * 60]).Sample(
            (ms, offset) =>
            {
                // Near the year 10000 an offset leaves the framework's range.
                var time = DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(ms, 253_402_200_000_000)).ToOffset(TimeSpan.FromMinutes(offset));
                Assert.True(Rfc3339.TryParse(time.ToString("yyyy-MM-dd'T'HH:mm:ss.fffzzz", System.Globalization.CultureInfo.InvariantCulture), out var read));
                Assert.Equal(time.ToUnixTimeMilliseconds(), read);
            },
            seed: "0000000000000", iter: 5_000, threads: 1);

    private static LoggedEvent Read(string json, EventHeaders headers = default, FeatureSchema? schema = null) =>
        JsonEventCodec.Read(Encoding.UTF8.GetBytes(json), headers, schema ?? Plain, AppendedAt);
}
