using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;
using Xunit;

namespace Recsys.Bandits.Tests.Policies;

public sealed class HyperparameterTests
{
    private static readonly Hyperparameter Share = new("share", "0.5", "A share.", 0, 1);
    private static readonly Hyperparameter Whole = new("whole", "3", "A count.", 1, 10, Integer: true);
    private static readonly Hyperparameter Word = new("word", "yes", "A choice.", Choices: ["yes", "no"]);

    [Theory]
    [InlineData("0", true)]
    [InlineData("1e-3", true)]
    [InlineData("1.0001", false)]
    [InlineData("-0.1", false)]
    [InlineData("NaN", false)]
    [InlineData("1e999", false)]
    [InlineData("0,5", false)]
    [InlineData("", false)]
    public void Check_of_a_number(string value, bool allowed) => Assert.Equal(allowed, Share.Check(value) is null);

    [Fact]
    public void Check_of_whole_numbers_and_choices()
    {
        Assert.Null(Whole.Check("10"));
        Assert.Null(Whole.Check("1e1"));
        Assert.Contains("whole", Whole.Check("2.5"), StringComparison.Ordinal);
        Assert.Null(Word.Check("no"));
        Assert.Contains("yes, no", Word.Check("No"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.50", "0.5")]
    [InlineData("5e-1", "0.5")]
    [InlineData("-0", "0")]
    [InlineData(" 1 ", "1")]
    public void Canonical_gives_equal_values_one_spelling(string value, string expected) => Assert.Equal(expected, Share.Canonical(value));

    [Fact]
    public void Configure_reports_every_problem_and_completes_with_defaults()
    {
        var errors = new List<string>();
        var spec = PolicyCatalog.Configure(
            PolicyCatalog.Find("lin-ucb"), [new("alpha", "-1"), new("floor", "0.02"), new("nothing", "1"), new("scope", "everything")], new FeatureSchema(), RewardRange.Unit, 0, errors);
        Assert.Equal(3, errors.Count);
        Assert.Equal(0.3, spec.Parameters.Number("alpha"));
        Assert.Equal(0.02, spec.Parameters.Number("floor"));
        Assert.Equal(PolicyCatalog.Find("lin-ucb").Hyperparameters.Select(static h => h.Name), spec.Parameters.Values.Select(static v => v.Key));
        Assert.Contains("lin-ucb", Assert.Throws<ArgumentException>(() => PolicyCatalog.Find("lin-ucbb")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Defaults_of_every_kind_are_allowed_and_canonical() =>
        Assert.All(PolicyCatalog.Kinds.Values.SelectMany(static k => k.Hyperparameters), static h =>
        {
            Assert.Null(h.Check(h.Default));
            Assert.Equal(h.Default, h.Canonical(h.Default));
            Assert.NotEmpty(h.Summary);
        });

    [Fact]
    public void Fingerprint_changes_with_everything_that_learning_depends_on_and_with_nothing_else()
    {
        var spec = Shards.Spec("lin-ucb");
        PolicySpec[] others =
        [
            Shards.Spec("linear-square-cb"), Shards.Spec("lin-ucb", null, null, ("ridge", "0.5")), Shards.Spec("lin-ucb", new FeatureSchema(1)),
            Shards.Spec("lin-ucb", null, new RewardRange(0, 2)), Shards.Spec("lin-ucb", null, new RewardRange(-1, 1)),
        ];
        Assert.Equal(others.Length + 1, others.Append(spec).Select(static s => s.Fingerprint).Distinct().Count());
        Assert.Equal(spec.Fingerprint, (spec with { MinimumPropensity = 0.1 }).Fingerprint);
        Assert.Equal(spec.Fingerprint, Shards.Spec("lin-ucb", null, null, ("ridge", "0.250")).Fingerprint);
    }
}
