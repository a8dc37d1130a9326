using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.Neural;
using Xunit;
using Input = Recsys.Bandits.Tests.Policies.Neural.TwinNetwork.Input;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>The network and its slow twin: derivatives, steps, and what is served.</summary>
public sealed class NetworkTwinTests
{
    /// <summary>Loss, rule, elements of context and action vectors, scope, most actions, clip.</summary>
    public static TheoryData<string, string, int, int, string, int, string> Cases => new()
    {
        { "square", "sgd", 3, 0, "auto", 10, "10" },
        { "square", "adamw", 3, 2, "auto", 10, "10" },
        { "log", "sgd", 3, 2, "both", 10, "0.05" },
        { "log", "adamw", 3, 2, "per-action", 10, "10" },
        { "log", "adamw", 0, 0, "both", 2, "10" },
        { "square", "adamw", 5, 0, "per-action", 2, "0.01" },
        { "square", "sgd", 0, 3, "per-action", 10, "0.02" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_twins_gradient_is_the_slope_of_its_loss(string loss, string rule, int context, int action, string scope, int actionsMax, string clip)
    {
        var (options, table, networks, examples) = Setup(loss, rule, context, action, scope, actionsMax, clip, 12);
        var twin = TwinNetwork.Of(networks, 1, options);
        // Fresh heads are 0, and then nothing behind them has a slope.
        var random = new Random(3);
        foreach (var block in twin.All)
        {
            for (var i = 0; i < block.Values.Length; i++)
                block.Values[i] += random.NextDouble() - 0.5;
        }
        Input[] batch = [.. examples.Select(example => Input.Of(example, table))];
        var gradient = twin.LossGradient(batch);
        const double Step = 1e-6;
        foreach (var block in twin.All)
        {
            for (var i = 0; i < block.Values.Length; i++)
            {
                var value = block.Values[i];
                block.Values[i] = value + Step;
                var up = twin.Loss(batch);
                block.Values[i] = value - Step;
                var slope = (up - twin.Loss(batch)) / (2 * Step);
                block.Values[i] = value;
                Assert.Equal(slope, gradient.TryGetValue(block, out var g) ? g[i] : 0, 1e-6);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Fifty_steps_are_those_of_the_twin(string loss, string rule, int context, int action, string scope, int actionsMax, string clip)
    {
        var (options, table, networks, examples) = Setup(loss, rule, context, action, scope, actionsMax, clip, 60);
        var twins = TwinNetwork.Of(networks, options);
        var random = new Random(8);
        var moved = 0.0;
        for (var t = 1; t <= 50; t++)
        {
            Example[] Batch() => [examples[t], .. Enumerable.Range(0, 4).Select(_ => examples[random.Next(examples.Length)])];
            Example[][] batches = [.. twins.Select(_ => Batch())];
            Input[][] inputs = [.. batches.Select(batch => batch.Select(example => Input.Of(example, table)).ToArray())];
            var expected = twins.Average(twin => twin.Expected(inputs[0][0]));
            Assert.Equal(expected, networks.Foresee(examples[t]), 1e-3);
            networks.Learn([.. batches.SelectMany(static batch => batch)], options.Rate);
            TwinNetwork.Step(twins, inputs, options.Rate, t);
            moved = Math.Max(moved, Math.Abs(expected - twins.Average(twin => twin.Expected(inputs[0][0]))));
        }
        Assert.True(moved > 1e-3, $"moved {moved}");
        for (var member = 0; member < twins.Length; member++)
        {
            foreach (var (weights, block) in networks.All.Zip(twins[member].All))
            {
                var part = options.PartOf(member, weights.Tensor.Values);
                Assert.Equal(block.Values.Length, part.Length);
                for (var i = 0; i < part.Length; i++)
                    Assert.Equal(block.Values[i], part[i], 2e-3);
            }
        }
    }

    [Theory]
    [InlineData("neural-ucb", 3, 2, "auto", 10)]
    [InlineData("neural-ucb", 4, 0, "auto", 10)]
    [InlineData("neural-ucb", 4, 0, "both", 2)]
    [InlineData("neural-ts", 0, 3, "per-action", 3)]
    [InlineData("neural-ts", 0, 0, "both", 10)]
    [InlineData("neu-square-cb", 3, 2, "auto", 10)]
    [InlineData("neu-fast-cb", 4, 0, "auto", 2)]
    [InlineData("neural-epsilon-greedy", 3, 2, "auto", 10)]
    public void Served_means_and_variances_are_those_of_the_twin(string kind, int context, int action, string scope, int actionsMax)
    {
        var schema = new FeatureSchema(context, 12, action, 12);
        var widths = kind switch { "neural-ucb" or "neural-ts" => WidthForm.Full, "neural-epsilon-greedy" => WidthForm.None, _ => WidthForm.Head };
        var spec = NeuralStreams.Spec(kind, schema, ("scope", scope), ("actionsMax", $"{actionsMax}"), ("average", kind == "neural-ts" ? "0.9" : "0"));
        var options = NeuralStreams.Options(spec, widths);
        var trainer = NeuralStreams.Trainer(spec);
        var history = NeuralStreams.Random(schema, 80, 5);
        // Sums of squared derivatives, each as the network was when it learned.
        var precisions = Enumerable.Range(0, options.Networks).Select(static _ => new List<double[]>()).ToArray();
        foreach (var interaction in history)
        {
            var twins = TwinNetwork.Of(trainer.State.Networks, options);
            trainer.Learn([interaction]);
            for (var n = 0; n < twins.Length; n++)
            {
                twins[n].Cover(Fresh(trainer, options));
                AddSquares(precisions[n], twins[n], Input.Of(trainer.State.Ring[0], trainer.State.Inputs), widths);
            }
        }
        var frozen = NeuralShard.Read(Shards.Bytes(trainer.WriteParameters), options);
        var random = new Random(9);
        for (var trial = 0; trial < 20; trial++)
        {
            var query = NeuralStreams.Set(random, context);
            Candidate[] candidates = [.. Enumerable.Range(0, 6).Select(k => Shards.Candidate("a" + k, NeuralStreams.Set(random, action)))];
            float[] means = new float[6], variances = new float[6];
            frozen.Estimate(new DecisionQuery(query, candidates, []), means, variances);
            for (var k = 0; k < candidates.Length; k++)
            {
                var input = Input.Of(Encode(trainer.State.Inputs, options, query, candidates[k]), trainer.State.Inputs);
                var (mean, variance) = (0.0, 0.0);
                for (var n = 0; n < options.Networks; n++)
                {
                    var twin = TwinNetwork.Of(trainer.State.Networks, n, options, served: true);
                    mean += twin.Expected(input) / options.Networks;
                    variance += Variance(twin, input, precisions[n], widths) / options.Networks;
                }
                Assert.Equal(mean, means[k], 1e-5);
                Assert.Equal(variance, variances[k], 1e-4 * Math.Max(1, variance));
            }
        }
    }

    private static (NeuralOptions Options, InputTable Table, NeuralEnsemble Networks, Example[] Examples) Setup(
        string loss, string rule, int context, int action, string scope, int actionsMax, string clip, int count)
    {
        var schema = new FeatureSchema(context, 12, action, 12);
        var options = NeuralStreams.Options(NeuralStreams.Spec("neu-square-cb", schema, ("loss", loss), ("optimizer", rule), ("rate", rule == "sgd" ? "0.1" : "0.01"),
            ("scope", scope), ("actionsMax", $"{actionsMax}"), ("clip", clip), ("pull", "0.5")));
        var table = new InputTable(options);
        Example[] examples = [.. NeuralStreams.Random(schema, count, 1).Select(table.Encode)];
        foreach (var example in examples)
            table.Scaler.Observe(example.Dense);
        var networks = new NeuralEnsemble(options, table);
        networks.Cover();
        return (options, table, networks, examples);
    }

    /// <summary>The networks as they are at their beginning, with weights for all that has a number: what new blocks were before the step.</summary>
    private static NeuralEnsemble Fresh(NeuralTrainer trainer, NeuralOptions options)
    {
        var fresh = new NeuralEnsemble(options, trainer.State.Inputs);
        fresh.Cover();
        return fresh;
    }

    private static void AddSquares(List<double[]> sums, TwinNetwork twin, Input input, WidthForm widths)
    {
        TwinNetwork.Block[] all = [.. Blocks(twin, widths)];
        while (sums.Count < all.Length)
            sums.Add([]);
        if (input.Head < 0)
            return;
        var gradient = twin.OutputGradient(input);
        // Rows come before heads in this list and grow, so sums are by name.
        foreach (var block in all)
        {
            if (!gradient.TryGetValue(block, out var g))
                continue;
            var sum = Named(sums, twin, block);
            for (var i = 0; i < g.Length; i++)
                sum[i] += g[i] * g[i];
        }
    }

    private static double Variance(TwinNetwork twin, Input input, List<double[]> sums, WidthForm widths)
    {
        if (widths == WidthForm.None)
            return 0;
        var variance = 0.0;
        foreach (var (block, g) in twin.OutputGradient(input))
        {
            if (!Blocks(twin, widths).Contains(block))
                continue;
            var sum = Named(sums, twin, block);
            for (var i = 0; i < g.Length; i++)
                variance += g[i] * g[i] / (1 + sum[i]);
        }
        // An action that was never seen has weights of its own all the same: nothing but their prior is known of them.
        return input.Head >= 0 ? variance : variance + 1 + twin.Hidden(input).Sum(static h => h * h);
    }

    private static IEnumerable<TwinNetwork.Block> Blocks(TwinNetwork twin, WidthForm widths) => widths switch
    {
        WidthForm.None => [],
        WidthForm.Head => twin.Heads,
        _ => [twin.Layer, twin.Bias, .. twin.Rows, .. twin.Heads],
    };

    /// <summary>Sums of a block: layer, bias, then rows at even and heads at odd places.</summary>
    private static double[] Named(List<double[]> sums, TwinNetwork twin, TwinNetwork.Block block)
    {
        var place = block == twin.Layer ? 0 : block == twin.Bias ? 1 : twin.Rows.Contains(block) ? 2 + 2 * twin.Rows.IndexOf(block) : 3 + 2 * twin.Heads.IndexOf(block);
        while (sums.Count <= place)
            sums.Add([]);
        if (sums[place].Length == 0)
            sums[place] = new double[block.Values.Length];
        return sums[place];
    }

    private static Example Encode(InputTable table, NeuralOptions options, FeatureSet context, Candidate candidate)
    {
        var (rows, values) = (new List<int>(), new List<float>());
        void Add(ulong id, float value)
        {
            if (table.RowIds.IndexOf(id) is >= 0 and var row)
            {
                rows.Add(row);
                values.Add(value);
            }
        }
        foreach (var feature in context.Sparse.Span)
            Add(NetworkInputs.ContextId(feature.Hash, options.Features), feature.Value);
        foreach (var feature in candidate.Features.Sparse.Span)
            Add(NetworkInputs.ActionId(feature.Hash, options.Features), feature.Value);
        return new Example([.. context.Dense.ToArray(), .. candidate.Features.Dense.ToArray()], [.. rows], [.. values], table.HeadKeys.IndexOf(candidate.Key.Value), 0);
    }
}
