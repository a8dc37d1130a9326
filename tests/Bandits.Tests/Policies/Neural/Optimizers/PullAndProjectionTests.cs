using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>What happens around a rule: pull, ball, and the clip of gradients.</summary>
public sealed class PullAndProjectionTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pulls_go_to_where_the_weights_began_or_to_the_origin(bool keepInitial)
    {
        var random = new Random(4);
        var (began, now) = (RuleCases.Normals(random, 21), RuleCases.Normals(random, 21));
        var (decoupled, proximal) = (Moved(began, now, keepInitial), Moved(began, now, keepInitial));
        Pull.Decoupled(decoupled, 0.1f, 2);
        Pull.Proximal(proximal, 0.1f, 2);
        for (var i = 0; i < now.Length; i++)
        {
            var to = keepInitial ? began[i] : 0;
            Assert.Equal(now[i] - 0.2 * (now[i] - to), decoupled.Values[i], 1e-6);
            Assert.Equal((now[i] + 0.2 * to) / 1.2, proximal.Values[i], 1e-6);
        }
    }

    [Fact]
    public void A_pull_never_overshoots_and_none_leaves_every_bit()
    {
        var tensor = Moved([1, 2, 3], [4, -5, 6e7f], keepInitial: true);
        Pull.Decoupled(tensor, 0.1f, 0);
        Pull.Proximal(tensor, 0, 5);
        Assert.Equal([4, -5, 6e7f], tensor.Values);
        Pull.Decoupled(tensor, 10, 10);
        Assert.Equal([1f, 2, 3], tensor.Values);
        Assert.Throws<ArgumentOutOfRangeException>(() => Pull.Decoupled(tensor, 0.1f, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Pull.Proximal(tensor, float.NaN, 1));
    }

    /// <summary>Decay as AdamW, Lion and Adan print it, inside their formulas, is this pull outside of them.</summary>
    [Theory]
    [InlineData("adan")]
    [InlineData("lion")]
    public void Pull_around_a_step_is_the_decay_that_the_papers_print(string name)
    {
        const float Rate = 0.01f, Decay = 0.5f;
        var random = new Random(6);
        var rule = UpdateRules.Find(name)!;
        var tensor = new ParameterTensor(RuleCases.Normals(random, 19), rule);
        var theta = Array.ConvertAll(tensor.Values, v => (double)v);
        var twin = name == "adan" ? NaiveRules.Adan(19, decay: Decay) : NaiveRules.Lion(19, decay: Decay);
        for (var t = 1; t <= 300; t++)
        {
            RuleCases.Normals(random, 19).CopyTo(tensor.Gradient, 0);
            if (name == "lion")
                Pull.Decoupled(tensor, Rate, Decay);
            rule.Step([tensor], Rate, t);
            if (name == "adan")
                Pull.Proximal(tensor, Rate, Decay);
            twin(theta, Array.ConvertAll(tensor.Gradient, g => (double)g), Rate, t);
        }
        for (var i = 0; i < theta.Length; i++)
            Assert.Equal(theta[i], tensor.Values[i], 2e-5);
    }

    /// <summary>
    /// E 0.5·(f + c·m^(−1/4)·⟨d, e⟩ − y)² over signs e is 0.5·(f − y)² + κ/2·‖d‖² with κ = c²/√m, whose gradient descent is
    /// the pull. All 2¹⁰ signs, no sample.
    /// </summary>
    [Fact]
    public void Pull_is_the_perturbed_prediction_in_expectation()
    {
        var random = new Random(8);
        double[] offset = [.. RuleCases.Normals(random, 10).Select(d => (double)d)];
        const double C = 0.7, Width = 32, Error = 0.4;
        var expected = 0.0;
        for (var signs = 0; signs < 1 << 10; signs++)
        {
            var dot = offset.Select((d, i) => (signs >> i & 1) == 0 ? d : -d).Sum();
            expected += 0.5 * Math.Pow(Error + C * Math.Pow(Width, -0.25) * dot, 2) / (1 << 10);
        }
        var strength = C * C / Math.Sqrt(Width);
        Assert.Equal(expected, 0.5 * Error * Error + 0.5 * strength * offset.Sum(d => d * d), 1e-12);

        var tensor = Moved(new float[10], [.. offset.Select(d => (float)d)], keepInitial: true);
        Pull.Decoupled(tensor, 0.1f, (float)strength);
        for (var i = 0; i < 10; i++)
            Assert.Equal(offset[i] - 0.1 * strength * offset[i], tensor.Values[i], 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(37)]
    public void Projection_ends_on_the_ball_in_the_same_direction(int length)
    {
        var random = new Random(length);
        var (began, now) = (RuleCases.Normals(random, length), RuleCases.Normals(random, length));
        var tensor = Moved(began, now, keepInitial: true);
        var distance = Math.Sqrt(now.Zip(began, (a, b) => Math.Pow((double)a - b, 2)).Sum());

        Assert.Equal(1, Projection.Apply(tensor, (float)(distance * 1.0001)));
        Assert.Equal(1, Projection.Apply(tensor, float.PositiveInfinity));
        Assert.Equal(now, tensor.Values);

        Assert.Equal(0.25, Projection.Apply(tensor, (float)(0.25 * distance)), 1e-6);
        Assert.Equal(0.25 * distance, Math.Sqrt(tensor.Values.Zip(began, (a, b) => Math.Pow((double)a - b, 2)).Sum()), 1e-5);
        for (var i = 0; i < length; i++)
            Assert.Equal(began[i] + 0.25 * (now[i] - began[i]), tensor.Values[i], 1e-5);
        Assert.Throws<ArgumentOutOfRangeException>(() => Projection.Apply(tensor, 0));
    }

    /// <summary>Both the iterate that learns and the one that is played stay in the ball.</summary>
    [Theory]
    [InlineData("sgd in a ball", 0.5)]
    [InlineData("optimistic in a ball", 0.7)]
    public void Rules_with_a_ball_stay_in_it(string name, double radius)
    {
        var random = new Random(12);
        var rule = RuleCases.Rule(name);
        var tensor = new ParameterTensor(RuleCases.Normals(random, 29), rule, keepInitial: true);
        var touched = 0;
        for (var t = 1; t <= 500; t++)
        {
            RuleCases.Normals(random, 29).Select(g => g + 0.5f).ToArray().CopyTo(tensor.Gradient, 0);
            rule.Step([tensor], 0.1f, t);
            var distance = Math.Sqrt(tensor.Values.Zip(tensor.Initial!, (a, b) => Math.Pow((double)a - b, 2)).Sum());
            Assert.True(distance <= radius * (1 + 1e-5), $"{distance} from the start");
            touched += distance > 0.999 * radius ? 1 : 0;
        }
        Assert.True(touched > 100, $"The ball has bound {touched} times only.");
    }

    [Fact]
    public void Clip_cuts_the_length_of_all_gradients_together_and_keeps_their_direction()
    {
        var rule = new Sgd();
        ParameterTensor[] tensors = [new(new float[2], rule), new(new float[9], rule)];
        (tensors[0].Gradient[1], tensors[1].Gradient[8]) = (3, -4);
        Assert.Equal(5, Gradients.Clip(tensors, 6));
        Assert.Equal(5, Gradients.Clip(tensors, double.PositiveInfinity));
        Assert.Equal((3, -4), (tensors[0].Gradient[1], tensors[1].Gradient[8]));
        Assert.Equal(5, Gradients.Clip(tensors, 1));
        Assert.Equal(0.6, tensors[0].Gradient[1], 1e-6);
        Assert.Equal(-0.8, tensors[1].Gradient[8], 1e-6);
        Assert.Equal(1, Gradients.Norm(tensors), 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => Gradients.Clip(tensors, double.NaN));
    }

    [Fact]
    public void Clip_measures_any_float_and_leaves_what_is_no_number_for_the_rule_to_refuse()
    {
        var rule = new Sgd();
        var tensor = new ParameterTensor(new float[9], rule);
        (tensor.Gradient[0], tensor.Gradient[8]) = (float.MaxValue, float.MaxValue);
        Assert.Equal(Math.Sqrt(2) * float.MaxValue, Gradients.Clip([tensor], 1), 1e32);
        Assert.Equal(Math.Sqrt(0.5), tensor.Gradient[8], 1e-6);
        tensor.Gradient[3] = float.NaN;
        Assert.True(double.IsNaN(Gradients.Clip([tensor], 0.1)));
        Assert.Equal(Math.Sqrt(0.5), tensor.Gradient[8], 1e-6);
        Assert.False(rule.Step([tensor], 0.1f, 1));
    }

    private static ParameterTensor Moved(float[] began, float[] now, bool keepInitial)
    {
        var tensor = new ParameterTensor(began, new Sgd(), keepInitial);
        now.CopyTo(tensor.Values, 0);
        return tensor;
    }
}
