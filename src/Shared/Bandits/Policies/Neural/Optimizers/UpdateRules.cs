using System.Collections.Frozen;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>The one list of update rules, each with the defaults that its file gives.</summary>
public static class UpdateRules
{
    private static readonly FrozenDictionary<string, IUpdateRule> All =
        new IUpdateRule[]
        {
            new Sgd(), new Momentum(), new AdamW(), new Adopt(), new DiffGrad(),
            new Adan(), new Lion(), new AdaGrad(), new OptimisticDescent(), new SgdSai(),
        }.ToFrozenDictionary(r => r.Name, StringComparer.Ordinal);

    /// <summary>Names, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The rule of that name, or null.</summary>
    public static IUpdateRule? Find(string name) => All.GetValueOrDefault(name);
}
