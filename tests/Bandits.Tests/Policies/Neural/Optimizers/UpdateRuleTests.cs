using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>What every rule does and is, and that it is what its paper prints.</summary>
public sealed class UpdateRuleTests
{
    public static TheoryData<string> Rules => [.. RuleCases.Names];

    public static TheoryData<string, int> RulesAndLengths
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in RuleCases.Names)
            {
                foreach (var length in new[] { 1, 7, 8, 37, 256 })
                    data.Add(name, length);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(RulesAndLengths))]
    public void Step_is_the_formula_of_the_paper(string name, int length)
    {
        const int Steps = 400;
        const float Rate = 0.01f;
        var random = new Random(length);
        var rule = RuleCases.Rule(name);
        var tensor = new ParameterTensor(RuleCases.Normals(random, length, 0.2), rule, keepInitial: true);
        var theta = Array.ConvertAll(tensor.Values, v => (double)v);
        var twin = RuleCases.Twin(name, theta.ToArray());
        // Gradients with a direction that turns, different scales per weight and a rare large one: every branch of every rule gets its
        // turn.
        var scales = RuleCases.Normals(random, length);
        var (moved, away) = (0.0, 0.0);
        for (var t = 1; t <= Steps; t++)
        {
            var drift = Math.Sin(t * 0.02) * (t % 97 == 0 ? 30 : 1);
            for (var i = 0; i < length; i++)
                tensor.Gradient[i] = scales[i] * (float)(drift + 0.5 * RuleCases.Normal(random));
            Assert.True(rule.Step([tensor], Rate, t));
            var before = theta.ToArray();
            twin(theta, Array.ConvertAll(tensor.Gradient, g => (double)g), Rate, t);
            for (var i = 0; i < length; i++)
            {
                moved += Math.Abs(theta[i] - before[i]) / length;
                away = Math.Max(away, Math.Abs(theta[i] - tensor.Values[i]));
            }
        }
        Assert.True(moved > 0.01, $"{name} has hardly moved: {moved}");
        Assert.True(away <= 2e-5 * (1 + moved), $"{name} is {away} away from its twin after a path of {moved}");
    }

    [Theory]
    [InlineData("sgd", -0.1 * 0.5)]
    [InlineData("momentum", -0.1 * 0.1 * 0.5)]
    [InlineData("adamw", -0.1)]
    [InlineData("adopt", 0)]
    [InlineData("diffgrad", -0.1 * 0.6224593312)] // sigmoid(0.5)
    [InlineData("adan", -0.1)]
    [InlineData("lion", -0.1)]
    [InlineData("adagrad", -0.1)]
    [InlineData("optimistic", -0.1 * 0.5 / 2.2360679775 - 0.1 * 0.5 / 2.2912878475)] // 1/√5 learned, 1/√5.25 expected
    [InlineData("sgd-sai", -0.1 * 0.5)]
    public void First_step_with_a_gradient_of_a_half_and_a_rate_of_a_tenth(string name, double moved)
    {
        var rule = UpdateRules.Find(name)!;
        var tensor = new ParameterTensor([0], rule);
        tensor.Gradient[0] = 0.5f;
        Assert.True(rule.Step([tensor], 0.1f, 1));
        Assert.Equal(moved, tensor.Values[0], 1e-6);
    }

    /// <summary>Without memory, diffGrad's first step is the rate times its friction, and so shows the exponential inside.</summary>
    [Fact]
    public void Diffgrads_friction_is_the_logistic_function_to_single_precision()
    {
        var rule = new DiffGrad(beta1: 0, beta2: 0, epsilon: 1e-30f);
        float[] changes =
        [
            .. Enumerable.Range(1, 4000).Select(i => i * 0.01f),
            .. Enumerable.Range(-17, 20).Select(i => MathF.Pow(10, i)), 85, 86.9f, 87, 88, 1000, 1e15f,
        ];
        var tensor = new ParameterTensor(new float[changes.Length], rule);
        changes.CopyTo(tensor.Gradient, 0);
        Assert.True(rule.Step([tensor], 1, 1));
        for (var i = 0; i < changes.Length; i++)
            Assert.Equal(1 / (1 + Math.Exp(-(double)changes[i])), -tensor.Values[i], 3e-7);
    }

    [Fact]
    public void Catalogue_knows_its_rules_by_their_names()
    {
        Assert.Equal(
            ["adagrad", "adamw", "adan", "adopt", "diffgrad", "lion", "momentum", "optimistic", "sgd", "sgd-sai"], UpdateRules.Names);
        Assert.All(UpdateRules.Names, name => Assert.Equal(name, UpdateRules.Find(name)!.Name));
        Assert.All(UpdateRules.Names, name => Assert.InRange(UpdateRules.Find(name)!.DefaultRate, 1e-5f, 1));
        Assert.Null(UpdateRules.Find("adam"));
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("adamw")]
    [InlineData("adopt")]
    [InlineData("diffgrad")]
    [InlineData("adan")]
    [InlineData("lion")]
    [InlineData("adagrad")]
    [InlineData("sgd-sai")]
    public void A_weight_moves_the_same_wherever_it_lies(string name)
    {
        // Two lengths, so that the same weight is once in a full block and once in the rest.
        var rule = RuleCases.Rule(name);
        var random = new Random(5);
        var values = RuleCases.Normals(random, 16);
        var whole = new ParameterTensor(values, rule);
        var rest = new ParameterTensor(values.AsSpan(0, 13), rule);
        for (var t = 1; t <= 50; t++)
        {
            RuleCases.Normals(random, 16).CopyTo(whole.Gradient, 0);
            whole.Gradient.AsSpan(0, 13).CopyTo(rest.Gradient);
            rule.Step([whole], 0.01f, t);
            rule.Step([rest], 0.01f, t);
        }
        Assert.Equal(whole.Values[..13], rest.Values);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_copy_of_tensors_and_step_goes_on_to_the_bit(string name)
    {
        var rule = RuleCases.Rule(name);
        var random = new Random(11);
        ParameterTensor[] tensors =
        [
            new(RuleCases.Normals(random, 37), rule, keepInitial: true), new(RuleCases.Normals(random, 5), rule, keepInitial: true),
        ];
        Learn(rule, tensors, 1, 120);
        var copies = Array.ConvertAll(tensors, t => Copy(t, rule));
        var again = RuleCases.Rule(name);
        Learn(rule, tensors, 121, 300);
        Learn(again, copies, 121, 300);
        for (var i = 0; i < tensors.Length; i++)
        {
            Assert.Equal(tensors[i].Values, copies[i].Values);
            Assert.Equal(tensors[i].Slots, copies[i].Slots);
            Assert.Equal(tensors[i].Scalars, copies[i].Scalars);
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_tensor_that_grows_leaves_old_weights_alone_and_starts_new_ones_gently(string name)
    {
        var rule = RuleCases.Rule(name);
        var random = new Random(17);
        const float Rate = 0.001f;
        var tensor = new ParameterTensor(RuleCases.Normals(random, 13), rule, keepInitial: true);
        Learn(rule, [tensor], 1, 2000, Rate);
        var (before, slots) = (tensor.Values, tensor.Slots.Select(s => s.ToArray()).ToArray());
        tensor.Append([5, 6, 7]);
        Assert.Equal(before, tensor.Values[..13]);
        Assert.Equal([5f, 6, 7], tensor.Values[13..]);
        Assert.Equal([5f, 6, 7], tensor.Initial![13..]);
        for (var s = 0; s < slots.Length; s++)
        {
            Assert.Equal(slots[s], tensor.Slots[s][..13]);
            Assert.Equal([0f, 0, 0], tensor.Slots[s][13..]);
        }
        // New weights get typical gradients. No rule but the optimistic one, whose rate is another unit, may move them by more than the
        // rate, or the rate times a gradient.
        var unit = rule is OptimisticDescent ? 2 : 1;
        var largest = 1f;
        for (var t = 2001; t <= 2020; t++)
        {
            var old = tensor.Values.ToArray();
            for (var i = 0; i < tensor.Length; i++)
                tensor.Gradient[i] = (float)RuleCases.Normal(random);
            Assert.True(rule.Step([tensor], Rate, t));
            largest = Math.Max(largest, tensor.Gradient[13..].Max(MathF.Abs));
            for (var i = 13; i < 16; i++)
            {
                var moved = MathF.Abs(tensor.Values[i] - old[i]);
                Assert.True(moved <= FarthestOf(name) * unit * Rate * largest + 1e-6, $"{name} moves a new weight by {moved}");
            }
        }
    }

    [Theory]
    [InlineData("adamw")]
    [InlineData("adan")]
    [InlineData("lion")]
    [InlineData("adagrad")]
    public void A_weight_that_begins_late_moves_by_the_rate_as_it_would_have_in_the_first_step(string name)
    {
        var rule = UpdateRules.Find(name)!;
        var tensor = new ParameterTensor([0, 0], rule);
        for (var t = 1; t < 5000; t++)
        {
            tensor.Gradient[0] = t % 2 == 0 ? 1 : -1;
            Assert.True(rule.Step([tensor], 0.01f, t));
        }
        tensor.Gradient[1] = 1e-3f;
        Assert.True(rule.Step([tensor], 0.01f, 5000));
        Assert.Equal(-0.01, tensor.Values[1], 1e-6);
    }

    [Fact]
    public void Adopt_lets_a_weight_that_begins_late_begin_without_a_move()
    {
        var rule = new Adopt();
        var tensor = new ParameterTensor([0], rule);
        for (var t = 1; t < 5000; t++)
            rule.Step([tensor], 0.01f, t);
        tensor.Gradient[0] = 1e-3f;
        rule.Step([tensor], 0.01f, 5000);
        Assert.Equal(0, tensor.Values[0]);
        rule.Step([tensor], 0.01f, 5001);
        Assert.Equal(-0.01 * 0.1, tensor.Values[0], 1e-6);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_gradient_that_is_no_number_is_refused_and_nothing_changes(string name)
    {
        var rule = RuleCases.Rule(name);
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, 2e15f, -float.MaxValue })
        {
            foreach (var at in new[] { 0, 7, 8, 12 })
            {
                var random = new Random(23);
                ParameterTensor[] tensors = [new(RuleCases.Normals(random, 5), rule), new(RuleCases.Normals(random, 13), rule)];
                Learn(rule, tensors, 1, 3);
                var copies = Array.ConvertAll(tensors, t => Copy(t, rule));
                tensors[1].Gradient[at] = bad;
                Assert.False(rule.Step(tensors, 0.1f, 4));
                for (var i = 0; i < tensors.Length; i++)
                {
                    Assert.Equal(copies[i].Values, tensors[i].Values);
                    Assert.Equal(copies[i].Slots, tensors[i].Slots);
                    Assert.Equal(copies[i].Scalars, tensors[i].Scalars);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Extreme_gradients_never_leave_anything_that_is_no_number(string name)
    {
        var rule = RuleCases.Rule(name);
        var tensor = new ParameterTensor([1, 1, 1, 1], rule, keepInitial: true);
        for (var t = 1; t <= 300; t++)
        {
            // Never seen; the largest that is accepted; smaller than any square can be; now and then.
            float[] gradient = [0, t % 2 == 0 ? Gradients.Largest : -Gradients.Largest, 1e-40f, t % 50 == 0 ? 1e-20f : 0];
            gradient.CopyTo(tensor.Gradient, 0);
            Assert.True(rule.Step([tensor], 0.001f, t));
        }
        Assert.All(tensor.Values.Concat(tensor.Slots.SelectMany(s => s)).Concat(tensor.Scalars), v => Assert.True(float.IsFinite(v)));
        Assert.Equal(1, tensor.Values[0], rule is Sgd or OptimisticDescent ? 1e-2 : 0);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void An_empty_network_and_an_empty_tensor_are_fine(string name)
    {
        var rule = RuleCases.Rule(name);
        Assert.True(rule.Step([], 0.1f, 1));
        var tensor = new ParameterTensor([], rule);
        Assert.True(rule.Step([tensor], 0.1f, 1));
        tensor.Append([1, 2]);
        (tensor.Gradient[0], tensor.Gradient[1]) = (1, -1);
        Assert.True(rule.Step([tensor], 0.1f, 2));
        Assert.All(tensor.Values, v => Assert.True(float.IsFinite(v)));
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_step_allocates_nothing(string name)
    {
        var rule = RuleCases.Rule(name);
        var random = new Random(2);
        ParameterTensor[] tensors = [new(RuleCases.Normals(random, 100), rule), new(RuleCases.Normals(random, 3), rule)];
        Learn(rule, tensors, 1, 10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var t = 11; t <= 20; t++)
        {
            rule.Step(tensors, 0.01f, t);
            Gradients.Clip(tensors, 1);
            Pull.Decoupled(tensors[0], 0.01f, 0.1f);
            Projection.Apply(tensors[1], 0.1f);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Arguments_that_make_no_sense_are_refused()
    {
        var rule = new AdamW();
        var tensor = new ParameterTensor([1], rule);
        Assert.Throws<ArgumentOutOfRangeException>(() => rule.Step([tensor], float.NaN, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => rule.Step([tensor], -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => rule.Step([tensor], 0.1f, 0));
        Assert.Throws<ArgumentException>(() => new Lion().Step([tensor], 0.1f, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdamW(beta1: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adopt(epsilon: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdaGrad(discount: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(radius: float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Momentum(bound: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SgdSai(warmUp: 0));
    }

    /// <summary>
    /// Rules that divide by the root of a second moment can move a weight by a few rates where its first gradient was small.
    /// </summary>
    private static double FarthestOf(string name) => name switch
    {
        "adamw" or "diffgrad" or "adan" => 8,
        "adopt" or "adopt, short memory" => 7,
        _ => 1.01,
    };

    /// <summary>Gradients by the number of the step, so that learning on goes on with the same.</summary>
    private static void Learn(IUpdateRule rule, ParameterTensor[] tensors, int first, int last, float rate = 0.01f)
    {
        for (var t = first; t <= last; t++)
        {
            var random = new Random(t);
            foreach (var tensor in tensors)
                RuleCases.Normals(random, tensor.Length).CopyTo(tensor.Gradient, 0);
            Assert.True(rule.Step(tensors, rate, t));
        }
    }

    /// <summary>What a checkpoint holds, and nothing else.</summary>
    private static ParameterTensor Copy(ParameterTensor tensor, IUpdateRule rule)
    {
        var copy = new ParameterTensor(tensor.Initial ?? tensor.Values, rule, keepInitial: tensor.Initial is not null);
        tensor.Values.CopyTo(copy.Values, 0);
        tensor.Scalars.CopyTo(copy.Scalars, 0);
        for (var s = 0; s < tensor.Slots.Count; s++)
            tensor.Slots[s].CopyTo(copy.Slots[s], 0);
        return copy;
    }
}
