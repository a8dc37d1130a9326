using Recsys.Bandits.Policies.Neural;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>
/// One of the networks of <see cref="NeuralEnsemble"/> in doubles, one number at a time: f = u·max(0, W·x + b) + c, its losses, its derivatives by the chain rule, and one
/// training step of two rules.
/// </summary>
internal sealed class TwinNetwork(NeuralOptions options, int member)
{
    /// <summary>Weights with what a rule remembers of them.</summary>
    internal sealed class Block(double[] values, double[] initial)
    {
        public double[] Values { get; } = values;

        public double[] Initial { get; } = initial;

        public double[] M { get; } = new double[values.Length];

        public double[] V { get; } = new double[values.Length];
    }

    public Block Layer { get; private init; } = null!;

    public Block Bias { get; private init; } = null!;

    public Block Shared { get; private init; } = null!;

    public List<Block> Rows { get; } = [];

    public List<Block> Heads { get; } = [];

    public IEnumerable<Block> All => [Layer, Bias, Shared, .. Rows, .. Heads];

    /// <summary>Begins with the weights that a network has.</summary>
    public static TwinNetwork Of(NeuralEnsemble networks, int member, NeuralOptions options, bool served = false)
    {
        Block Copy(Weights weights) => TwinNetwork.Copy(weights, member, options, served);
        var twin = new TwinNetwork(options, member) { Layer = Copy(networks.Layer), Bias = Copy(networks.Bias), Shared = Copy(networks.Shared) };
        twin.Cover(networks, served);
        return twin;
    }

    /// <summary>A twin of every network.</summary>
    public static TwinNetwork[] Of(NeuralEnsemble networks, NeuralOptions options, bool served = false) =>
        [.. Enumerable.Range(0, options.Networks).Select(member => Of(networks, member, options, served))];

    /// <summary>Takes over the blocks that are new.</summary>
    public void Cover(NeuralEnsemble networks, bool served = false)
    {
        while (Rows.Count < networks.Rows.Count)
            Rows.Add(Copy(networks.Rows[Rows.Count], member, options, served));
        while (Heads.Count < networks.Heads.Count)
            Heads.Add(Copy(networks.Heads[Heads.Count], member, options, served));
    }

    /// <summary>The sums that go into the units.</summary>
    private double[] Sums(Input input)
    {
        var sums = (double[])Bias.Values.Clone();
        for (var j = 0; j < options.Hidden; j++)
        {
            for (var i = 0; i < input.Dense.Length; i++)
                sums[j] += input.Dense[i] * Layer.Values[i * options.Hidden + j];
            for (var i = 0; i < input.Rows.Length; i++)
                sums[j] += input.Values[i] * Rows[input.Rows[i]].Values[j];
        }
        return sums;
    }

    public double[] Hidden(Input input) => [.. Sums(input).Select(static s => Math.Max(0, s))];

    public double Output(Input input)
    {
        double output = 0;
        var hidden = Hidden(input);
        foreach (var head in HeadsOf(input))
        {
            for (var j = 0; j < options.Hidden; j++)
                output += head.Values[j] * hidden[j];
            output += head.Values[options.Hidden];
        }
        return output;
    }

    public double Expected(Input input) => options.Loss == NeuralLoss.Square ? Output(input) : 1 / (1 + Math.Exp(-Output(input)));

    public double Loss(IEnumerable<Input> batch) => batch.Average(input =>
    {
        var f = Output(input);
        return options.Loss == NeuralLoss.Square ? 0.5 * (f - input.Reward) * (f - input.Reward) : Math.Log(1 + Math.Exp(f)) - input.Reward * f;
    });

    /// <summary>∂f/∂θ for the blocks that an input uses.</summary>
    public Dictionary<Block, double[]> OutputGradient(Input input)
    {
        var gradient = new Dictionary<Block, double[]> { [Layer] = new double[Layer.Values.Length], [Bias] = new double[options.Hidden] };
        var hidden = Hidden(input);
        foreach (var row in input.Rows)
            gradient[Rows[row]] = new double[options.Hidden];
        foreach (var head in HeadsOf(input))
            gradient[head] = [.. hidden, 1];
        for (var j = 0; j < options.Hidden; j++)
        {
            var slope = hidden[j] > 0 ? HeadsOf(input).Sum(head => head.Values[j]) : 0;
            gradient[Bias][j] = slope;
            for (var i = 0; i < input.Dense.Length; i++)
                gradient[Layer][i * options.Hidden + j] = slope * input.Dense[i];
            for (var i = 0; i < input.Rows.Length; i++)
                gradient[Rows[input.Rows[i]]][j] += slope * input.Values[i];
        }
        return gradient;
    }

    /// <summary>∂ mean loss/∂θ for the blocks that a minibatch uses.</summary>
    public Dictionary<Block, double[]> LossGradient(IReadOnlyCollection<Input> batch)
    {
        var sum = new Dictionary<Block, double[]>();
        foreach (var input in batch)
        {
            var slope = (Expected(input) - input.Reward) / batch.Count;
            foreach (var (block, gradient) in OutputGradient(input))
            {
                if (!sum.TryGetValue(block, out var total))
                    sum[block] = total = new double[gradient.Length];
                for (var i = 0; i < total.Length; i++)
                    total[i] += slope * gradient[i];
            }
        }
        return sum;
    }

    /// <summary>A minibatch for each network; clipping by the norm over all networks, the pull, and the rule.</summary>
    public static void Step(TwinNetwork[] twins, IReadOnlyCollection<Input>[] batches, double rate, long step)
    {
        var gradients = twins.Zip(batches, static (twin, batch) => twin.LossGradient(batch)).ToArray();
        // A block moves in all networks when the minibatch of one of them uses it: elsewhere by its pull and what the rule remembers.
        for (var block = 0; block < twins[0].All.Count(); block++)
        {
            if (!twins.Zip(gradients).Any(n => n.Second.ContainsKey(n.First.All.ElementAt(block))))
                continue;
            foreach (var (twin, gradient) in twins.Zip(gradients))
                gradient.TryAdd(twin.All.ElementAt(block), new double[twin.All.ElementAt(block).Values.Length]);
        }
        var norm = Math.Sqrt(gradients.Sum(static network => network.Values.Sum(static g => g.Sum(static x => x * x))));
        for (var i = 0; i < twins.Length; i++)
            twins[i].Move(gradients[i], norm, rate, step);
    }

    private void Move(Dictionary<Block, double[]> gradients, double norm, double rate, long step)
    {
        var factor = Math.Min(1, options.Clip / norm);
        foreach (var (block, gradient) in gradients)
        {
            for (var i = 0; i < gradient.Length; i++)
            {
                block.Values[i] = block.Initial[i] + (block.Values[i] - block.Initial[i]) * Math.Max(0, 1 - rate * options.Pull);
                block.Values[i] -= rate * Direction(block, i, factor * gradient[i], step);
            }
        }
    }

    private double Direction(Block block, int i, double gradient, long step)
    {
        if (options.Rule.Name == "sgd")
            return gradient;
        double seen1 = 1 - Math.Pow(0.9, step), seen2 = 1 - Math.Pow(0.999, step);
        var isNew = block.V[i] == 0;
        block.M[i] = isNew ? seen1 * gradient : 0.9 * block.M[i] + 0.1 * gradient;
        block.V[i] = isNew ? seen2 * gradient * gradient : 0.999 * block.V[i] + 0.001 * gradient * gradient;
        return block.M[i] / seen1 / (Math.Sqrt(block.V[i] / seen2) + 1e-8);
    }

    private IEnumerable<Block> HeadsOf(Input input)
    {
        if (input.Head >= 0)
            yield return Heads[input.Head];
        if (input.Head < 0 || options.SharedHead)
            yield return Shared;
    }

    private static Block Copy(Weights weights, int member, NeuralOptions options, bool served)
    {
        double[] Doubles(ReadOnlySpan<float> values) => [.. options.PartOf(member, values).Select(static v => (double)v)];
        return new Block(Doubles(served ? weights.Served : weights.Tensor.Values), Doubles(weights.Tensor.Initial));
    }

    /// <summary>What the network sees of one interaction.</summary>
    internal sealed record Input(double[] Dense, int[] Rows, double[] Values, int Head, double Reward)
    {
        /// <summary>As a table scales it at present.</summary>
        public static Input Of(in Example example, InputTable table)
        {
            var scaled = new float[example.Dense.Length];
            table.Scaler.Apply(example.Dense, scaled);
            return new Input([.. scaled.Select(static v => (double)v)], example.Rows, [.. example.Values.Select(static v => (double)v)], example.Head, example.Reward);
        }
    }
}
