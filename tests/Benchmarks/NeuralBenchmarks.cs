using System.Buffers;
using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Randomness;

namespace Recsys.Benchmarks;

/// <summary>
/// Estimate, distribution and draw over 100 actions by networks with 64 hidden units; 16 numbers and 8 hashed inputs of a context, and either an output per action or
/// action vectors of 8 numbers with a shared output as well. Beside it plain loops over the same weights, one candidate after the other from the inputs on, as the
/// formulas are printed; both end with the same explorer and draw.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class NeuralBenchmarks
{
    private const int Actions = 100, Hashed = 8, Hashes = 500;
    private readonly float[] _means = new float[Actions], _widths = new float[Actions], _propensities = new float[Actions];
    private Candidate[] _candidates = [];
    private FeatureSet[] _contexts = [];
    private IPolicy _policy = null!;
    private PlainNetworks _plain = null!;
    private ulong _next;

    [Params("neu-fast-cb", "neural-ucb", "neural-ts", "neural-epsilon-greedy")]
    public string Kind { get; set; } = "";

    [Params("outputs", "vectors")]
    public string Form { get; set; } = "";

    [Params(1, 4)]
    public int Networks { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(6);
        var schema = new FeatureSchema(16, 1 << 16, Form == "vectors" ? 8 : 0, 0);
        FeatureSet Context() => new(
            Enumerable.Range(0, Hashed).Select(i => new SparseFeature((uint)(i * Hashes + random.Next(Hashes)), 1)).ToArray(),
            Enumerable.Range(0, schema.ContextVector).Select(_ => random.NextSingle() * 2 - 1).ToArray());
        _candidates = [.. Scene.Candidates(Actions).Select(c => Form == "vectors" ? c : c with { Features = default })];
        _contexts = [.. Enumerable.Range(0, 64).Select(_ => Context())];
        var errors = new List<string>();
        var kind = PolicyCatalog.Find(Kind);
        var spec = PolicyCatalog.Configure(kind, [new("hidden", "64"), new("networks", $"{Networks}")], schema, RewardRange.Unit, 0, errors);
        if (errors.Count > 0)
            throw new InvalidOperationException(string.Join(" ", errors));
        var trainer = (NeuralTrainer)kind.CreateTrainer(spec);
        trainer.Learn([.. Enumerable.Range(0, 2000).Select(i =>
        {
            var action = _candidates[i % Actions];
            return new Interaction(Context(), action.Key, action.Features, default, 0.01f, random.Next(2), i);
        })]);
        var parameters = new ArrayBufferWriter<byte>();
        trainer.WriteParameters(parameters);
        _policy = kind.Assemble(spec, [new PolicyShard(0, trainer.Interactions, parameters.WrittenMemory)]);
        var widths = Kind switch { "neu-fast-cb" => WidthForm.Head, "neural-epsilon-greedy" => WidthForm.None, _ => WidthForm.Full };
        _plain = new PlainNetworks(trainer.State, NeuralOptions.From(spec, widths));
        Check();
    }

    [Benchmark(Baseline = true)]
    public int Decision()
    {
        _policy.Estimate(new DecisionQuery(_contexts[_next % 64], _candidates, []), _means, _widths);
        return Draw();
    }

    [Benchmark]
    public int Loops()
    {
        _plain.Estimate(_contexts[_next % 64], _candidates, _means, _widths);
        return Draw();
    }

    private int Draw()
    {
        _policy.Distribute(_means, _widths, _propensities);
        return PropensitySampler.Draw(_propensities, new DecisionSeed(_next++).Uniform(0));
    }

    private void Check()
    {
        foreach (var context in _contexts)
        {
            _policy.Estimate(new DecisionQuery(context, _candidates, []), _means, _widths);
            var (means, widths) = ((float[])_means.Clone(), (float[])_widths.Clone());
            _plain.Estimate(context, _candidates, _means, _widths);
            for (var k = 0; k < Actions; k++)
            {
                if (Math.Abs(means[k] - _means[k]) > 1e-4 || Math.Abs(widths[k] - _widths[k]) > 1e-3)
                    throw new InvalidOperationException($"Action {k}: {means[k]} ± {widths[k]}, the loops say {_means[k]} ± {_widths[k]}.");
            }
        }
    }
}

/// <summary>
/// An ensemble as its formulas read: h = max(0, W·x + b), f = u·h + c, squared width Σ g²/(1 + Σ g²) over the derivatives g of f. Everything anew for each candidate.
/// </summary>
internal sealed class PlainNetworks(NeuralState state, NeuralOptions options)
{
    private sealed record Block(float[] Values, float[] Squares);

    private sealed record Network(Block Layer, Block Bias, Block Shared, Block[] Rows, Block[] Heads);

    private readonly Network[] _networks = [.. Enumerable.Range(0, options.Networks).Select(n => Of(state.Networks, n))];
    private readonly Dictionary<ulong, int> _rows = Numbers(state.Inputs.RowIds), _heads = Numbers(state.Inputs.HeadKeys);
    private readonly float[] _scaled = new float[options.Dense], _hidden = new float[options.Hidden];
    private readonly List<(int Row, float Value)> _hashed = [];

    /// <summary>Means and widths; every action has been learned.</summary>
    public void Estimate(FeatureSet context, Candidate[] candidates, float[] means, float[] widths)
    {
        for (var k = 0; k < candidates.Length; k++)
        {
            Encode(context, candidates[k].Features);
            var head = _heads[candidates[k].Key.Value];
            float mean = 0, variance = 0;
            foreach (var network in _networks)
            {
                Forward(network);
                mean += Mean(network, network.Heads[head]) / _networks.Length;
                variance += Variance(network, network.Heads[head]) / _networks.Length;
            }
            means[k] = mean;
            widths[k] = MathF.Sqrt(variance);
        }
    }

    private void Encode(FeatureSet context, FeatureSet action)
    {
        float[] raw = [.. context.Dense.Span, .. action.Dense.Span];
        state.Inputs.Scaler.Apply(raw, _scaled);
        _hashed.Clear();
        foreach (var feature in context.Sparse.Span)
        {
            if (_rows.TryGetValue(NetworkInputs.ContextId(feature.Hash, options.Features), out var row))
                _hashed.Add((row, feature.Value));
        }
    }

    private void Forward(Network network)
    {
        for (var j = 0; j < options.Hidden; j++)
        {
            var sum = network.Bias.Values[j];
            for (var i = 0; i < _scaled.Length; i++)
                sum += _scaled[i] * network.Layer.Values[i * options.Hidden + j];
            foreach (var (row, value) in _hashed)
                sum += value * network.Rows[row].Values[j];
            _hidden[j] = Math.Max(0, sum);
        }
    }

    private float Mean(Network network, Block head)
    {
        var output = head.Values[options.Hidden] + (options.SharedHead ? network.Shared.Values[options.Hidden] : 0);
        for (var j = 0; j < options.Hidden; j++)
            output += (head.Values[j] + (options.SharedHead ? network.Shared.Values[j] : 0)) * _hidden[j];
        return options.Loss == NeuralLoss.Log ? 1 / (1 + MathF.Exp(-output)) : Math.Clamp(output, -1, 2);
    }

    private float Variance(Network network, Block head)
    {
        if (options.Widths == WidthForm.None)
            return 0;
        var variance = 1 / (1 + head.Squares[options.Hidden]);
        for (var j = 0; j < options.Hidden; j++)
            variance += _hidden[j] * _hidden[j] / (1 + head.Squares[j]);
        if (options.Widths == WidthForm.Head)
            return variance;
        for (var j = 0; j < options.Hidden; j++)
        {
            var slope = _hidden[j] > 0 ? head.Values[j] + (options.SharedHead ? network.Shared.Values[j] : 0) : 0;
            var behind = 1 / (1 + network.Bias.Squares[j]);
            for (var i = 0; i < _scaled.Length; i++)
                behind += _scaled[i] * _scaled[i] / (1 + network.Layer.Squares[i * options.Hidden + j]);
            foreach (var (row, value) in _hashed)
                behind += value * value / (1 + network.Rows[row].Squares[j]);
            variance += slope * slope * behind;
        }
        return variance;
    }

    private static Network Of(NeuralEnsemble networks, int network)
    {
        Block Part(Weights weights) => new(networks.Options.PartOf(network, weights.Served), networks.Options.PartOf(network, weights.Precision));
        return new Network(Part(networks.Layer), Part(networks.Bias), Part(networks.Shared), [.. networks.Rows.Select(Part)], [.. networks.Heads.Select(Part)]);
    }

    private static Dictionary<ulong, int> Numbers(List<ulong> ids) => ids.Select(static (id, i) => (id, i)).ToDictionary(static p => p.id, static p => p.i);
}
