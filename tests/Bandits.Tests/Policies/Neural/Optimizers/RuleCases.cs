using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>Every rule of the catalogue and the variants that its constructors offer, under the names that theories show.</summary>
internal static class RuleCases
{
    private static readonly Dictionary<string, Func<IUpdateRule>> Variants = new()
    {
        ["sgd in a ball"] = () => new Sgd(radius: 0.5f),
        ["momentum by coordinate"] = () => new Momentum(Innovation.Coordinate),
        ["momentum, geometric median"] = () => new Momentum(Innovation.Norm, gain: 1, bound: 0.3f),
        ["momentum, coordinatewise median"] = () => new Momentum(Innovation.Coordinate, gain: 1, bound: 0.05f),
        ["adopt, short memory"] = () => new Adopt(beta2: 0.99f),
        ["adagrad without discount"] = () => new AdaGrad(discount: 1),
        ["optimistic in a ball"] = () => new OptimisticDescent(diameter: 4, radius: 0.7f),
    };

    public static IEnumerable<string> Names => UpdateRules.Names.Concat(Variants.Keys);

    public static IUpdateRule Rule(string name) => Variants.TryGetValue(name, out var make) ? make() : UpdateRules.Find(name)!;

    public static NaiveStep Twin(string name, double[] theta0) => name switch
    {
        "sgd" => NaiveRules.Sgd(theta0),
        "sgd in a ball" => NaiveRules.Sgd(theta0, 0.5),
        "momentum" => NaiveRules.TrackedMomentum(theta0.Length, byCoordinate: false),
        "momentum by coordinate" => NaiveRules.TrackedMomentum(theta0.Length, byCoordinate: true),
        "momentum, geometric median" => NaiveRules.NormMomentum(theta0.Length, 1, 0.3f),
        "momentum, coordinatewise median" => NaiveRules.CoordinateMomentum(theta0.Length, 1, 0.05f),
        "adamw" => NaiveRules.AdamW(theta0.Length),
        "adopt" => NaiveRules.Adopt(theta0.Length),
        "adopt, short memory" => NaiveRules.Adopt(theta0.Length, beta2: 0.99f),
        "diffgrad" => NaiveRules.DiffGrad(theta0.Length),
        "adan" => NaiveRules.Adan(theta0.Length),
        "lion" => NaiveRules.Lion(theta0.Length),
        "adagrad" => NaiveRules.AdaGrad(theta0.Length),
        "adagrad without discount" => NaiveRules.AdaGrad(theta0.Length, discount: 1),
        "optimistic" => NaiveRules.Optimistic(theta0),
        "optimistic in a ball" => NaiveRules.Optimistic(theta0, diameter: 4, radius: 0.7f),
        "sgd-sai" => NaiveRules.Sai(theta0.Length),
        _ => throw new ArgumentException($"No twin for {name}.", nameof(name)),
    };

    /// <summary>Standard normal, by Box and Muller.</summary>
    public static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    public static float[] Normals(Random random, int length, double scale = 1) =>
        [.. Enumerable.Range(0, length).Select(_ => (float)(scale * Normal(random)))];
}
