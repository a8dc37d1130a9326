using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Learner.Tests.Support;

/// <summary>Experiments and event streams for tests.</summary>
public static class Streams
{
    /// <summary>An arbitrary Monday.</summary>
    public const long Start = 1_767_571_200_000;

    public const string Features = """ "features": { "context": { "vector": 2, "hashBits": 6 }, "action": { "vector": 2, "hashBits": 6 } } """;

    /// <summary>An experiment; its policy is a kind, and after it parameters as <c>name=value</c>, if any.</summary>
    public static Experiment Experiment(
        string policy = "uniform", string aggregate = "first", string mode = "online", long createdAt = 0, string name = "home", double byDefault = 0, string window = "00:00:10")
    {
        var words = policy.Split(' ');
        var parameters = string.Join(", ", words.Skip(1).Select(static p => $"\"{p.Replace("=", "\": \"", StringComparison.Ordinal)}\""));
        var json = $$"""
            { "policy": { "kind": "{{words[0]}}", "parameters": { {{parameters}} } }, {{Features}}, "mode": "{{mode}}",
              "reward": { "window": "{{window}}", "aggregate": "{{aggregate}}", "default": {{byDefault}} } }
            """;
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(json), errors);
        Assert.Empty(errors);
        return new Experiment(name, definition!, createdAt, GraphHead.None);
    }

    public static DecisionEvent Decision(string id, long time, bool activated = true, Random? random = null)
    {
        random ??= new Random(1);
        FeatureSet Some() => new(
            new SparseFeature[] { new((uint)random.Next(), 1), new((uint)random.Next(), random.NextSingle()) }, new[] { random.NextSingle(), random.NextSingle() });
        var actions = new[] { "a", "b", "c" }.Select(a => new LoggedAction(a, Some())).ToArray();
        return new DecisionEvent(id, time, "uniform", 0, activated, Some(), [new ClusterWeight(0, 1)], actions, [new ChosenSlot(random.Next(3), 1f / 3)]);
    }

    /// <summary>A stream with everything that happens to learners: rewards early, late, twice, invalid and without decision; activations; ticks; both wire
    /// forms; poison.</summary>
    public static void Fill(MemoryLog log, int seed, int records)
    {
        var random = new Random(seed);
        var time = Start;
        var decided = new List<string>();
        for (var i = 0; i < records; i++)
        {
            time += random.Next(700);
            string Id() => decided.Count == 0 || random.Next(12) == 0 ? $"d{random.Next(10_000)}" : decided[^Math.Min(decided.Count, 1 + random.Next(25))];
            switch (random.Next(14))
            {
                case < 6:
                    // A sixth are used again, and some have had an early reward.
                    var id = random.Next(6) == 0 ? Id() : $"d{random.Next(10_000)}";
                    decided.Add(id);
                    log.Append(Decision(id, time - random.Next(50), random.Next(5) > 0, random), time);
                    break;
                case < 10:
                    var action = random.Next(4) == 0 ? "a" : null;
                    log.Append(new RewardEvent(Id(), time, random.Next(10) == 0 ? 7 : random.NextDouble(), action, random.Next(3) == 0 ? $"e{random.Next(5)}" : null), time);
                    break;
                case 10:
                    log.Append(new ActivationEvent(Id(), time), time);
                    break;
                case 11:
                    log.AppendJson($$"""{"type":"reward","decisionId":"{{Id()}}","value":{{random.Next(2)}}}""", time);
                    break;
                case 12:
                    log.AppendJson(random.Next(2) == 0 ? "{\"type\":\"reward\"" : "{\"type\":\"nonsense\"}", time);
                    break;
                default:
                    log.Append(new TickEvent(time), time);
                    break;
            }
        }
    }
}
