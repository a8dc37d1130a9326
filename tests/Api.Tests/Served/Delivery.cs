namespace Recsys.Api.Tests.Served;

/// <summary>How the reward of a decision travels.</summary>
public enum Delivery
{
    /// <summary>To the Api that decided.</summary>
    Here,

    /// <summary>To another Api.</summary>
    Elsewhere,

    /// <summary>To every Api, and to the one that decided twice.</summary>
    Everywhere,

    /// <summary>Not at all: the decision gets the default when its window closes.</summary>
    Nowhere,
}

/// <summary>Mixtures of deliveries that follow from the round.</summary>
public static class Deliveries
{
    /// <summary>Every decision is rewarded once, half of them through another Api.</summary>
    public static Delivery Once(int round) => Population.Uniform(round, 4) < 0.5 ? Delivery.Here : Delivery.Elsewhere;

    /// <summary>Some rewards are repeated, and some never come.</summary>
    public static Delivery Messy(int round) => Population.Uniform(round, 4) switch
    {
        < 0.1 => Delivery.Nowhere,
        < 0.3 => Delivery.Everywhere,
        < 0.6 => Delivery.Elsewhere,
        _ => Delivery.Here,
    };
}
