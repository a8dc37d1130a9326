using System.CommandLine;
using System.Globalization;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.CommandLine;

/// <summary>Options that several simulations share; each call makes a new one because an option belongs to one command.</summary>
internal static class SimulationOptions
{
    /// <summary>Rounds beyond this would run for weeks.</summary>
    private const long RoundsMax = 1_000_000_000;

    public static Option<string> Policy() => Policy(null, PolicyCatalog.KnownNames);

    /// <summary>Of the simulations that know rivals too.</summary>
    public static Option<string> PolicyOrRival(string? byDefault = null) => Policy(byDefault, RivalCatalog.KnownNames);

    /// <summary>A file for how the run stood over time.</summary>
    public static Option<string?> Curve(string measure) => new("--curve")
    {
        Description = $"Write a CSV file of how the run stood at up to {CurvePoint.Most} times: rounds,{measure}.",
        HelpName = "file",
    };

    private static Option<string> Policy(string? byDefault, string known)
    {
        var option = new Option<string>("--policy")
        {
            Description = $"Kind of the policy: {known}.",
            HelpName = "kind",
            Required = byDefault is null,
        };
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    public static Option<long> Rounds(long byDefault) => Bounded(
        new Option<long>("--rounds") { Description = "Decisions to make.", HelpName = "n", DefaultValueFactory = _ => byDefault }, 1, RoundsMax);

    public static Option<long> Seed() => new("--seed")
    {
        Description = "Seed of everything that is random; the same seed and options give the same result, times excepted.",
        HelpName = "s",
        DefaultValueFactory = static _ => 1,
    };

    public static Option<int> Delay() => Bounded(
        new Option<int>("--delay")
        {
            Description = "Rounds that a reward waits before it is learned; 0: the next decision already knows.",
            HelpName = "d",
            DefaultValueFactory = static _ => 0,
        }, 0, 10_000_000);

    public static Option<int> Batch(int byDefault) => Bounded(
        new Option<int>("--batch")
        {
            Description = "Interactions learned and published together.",
            HelpName = "b",
            DefaultValueFactory = _ => byDefault,
        }, 1, 1_000_000);

    public static Option<long?> ShiftAt() => Bounded(
        new Option<long?>("--shift-at")
        {
            Description = "Round (counted from 0) from which the class labels are permuted, every class to another one.",
            HelpName = "round",
        }, 0, RoundsMax);

    public static Option<string[]> Set() => Set("--set", "A parameter, for example alpha=0.5; repeat for more. The names are listed below.");

    private static Option<string[]> Set(string name, string description)
    {
        var option = new Option<string[]>(name)
        {
            Description = description,
            HelpName = "name=value",
            Arity = ArgumentArity.OneOrMore,
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (token.Value.IndexOf('=', StringComparison.Ordinal) <= 0)
                    result.AddError($"{name} takes name=value, not '{token.Value}'.");
        });
        return option;
    }

    public static Option<string> Memory() => new Option<string>("--memory")
    {
        Description = "Whether an error memory corrects what the policy expects, before it explores.",
        DefaultValueFactory = static _ => "off",
    }.AcceptOnlyFromAmong("on", "off");

    public static Option<string[]> MemorySet() =>
        Set("--memory-set", $"A setting of the error memory, for example window=500; repeat for more: {MemorySettings.Names}.");

    /// <summary>The memory that is asked for; null for none.</summary>
    /// <exception cref="SimulationOptionsException">A setting is refused.</exception>
    public static MemoryOptions? Memory(string? onOrOff, string[]? set)
    {
        var options = MemorySettings.Configure(Pairs(set));
        return onOrOff == "on" ? options : null;
    }

    public static Option<bool> Json() => new("--json")
    {
        Description = "Print one JSON object on the last line of standard output instead of a table.",
    };

    /// <summary>The pairs of <c>--set</c>; the last one of a name counts.</summary>
    public static List<KeyValuePair<string, string>> Pairs(string[]? set) =>
    [
        .. (set ?? [])
            .Select(static pair => pair.Split('=', 2))
            .Select(static parts => KeyValuePair.Create(parts[0].Trim(), parts[1].Trim())),
    ];

    /// <summary>Refuses whole numbers outside a range; a text that is no number is reported by the parser itself.</summary>
    public static Option<T> Bounded<T>(Option<T> option, long least, long most)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1
                && long.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value)
                && (value < least || value > most))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be between {least} and {most}, not {value}."));
        });
        return option;
    }
}
