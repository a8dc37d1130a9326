namespace Recsys.Api.Tests.Served;

/// <summary>
/// Users of three kinds, told apart by one feature, each kind with one action that it likes. Everything follows from the round, so that the same rounds
/// give the same users in every run, in whatever order and over whichever Api they come.
/// </summary>
public static class Population
{
    /// <summary>Chance of a reward for the action that a kind of user likes.</summary>
    public const double Liked = 0.9;

    /// <summary>Chance of a reward for any other.</summary>
    public const double Other = 0.1;

    /// <summary>Values of the feature that tells the kinds apart.</summary>
    public static readonly string[] Kinds = ["mobile", "desktop", "tablet"];

    /// <summary>The i-th kind likes the i-th; the last is liked by nobody.</summary>
    public static readonly string[] Actions = ["short", "long", "video", "audio"];

    /// <summary>What choosing without looking earns on average.</summary>
    public static double UniformRate => (Liked + ((Actions.Length - 1) * Other)) / Actions.Length;

    /// <summary>The kind of the user who comes in a round.</summary>
    public static string Kind(int round) => Kinds[(int)(Uniform(round, 1) * Kinds.Length)];

    /// <summary>What the user of a round does with an action: 1 or 0.</summary>
    public static int Reward(int round, string action)
    {
        var likes = Array.IndexOf(Kinds, Kind(round)) == Array.IndexOf(Actions, action);
        return Uniform(round, 2) < (likes ? Liked : Other) ? 1 : 0;
    }

    /// <summary>A number in [0, 1) that depends on nothing but round and purpose.</summary>
    public static double Uniform(int round, int purpose)
    {
        // SplitMix64.
        var z = unchecked((((ulong)round << 8) + (ulong)purpose + 1) * 0x9E3779B97F4A7C15);
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
