using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Benchmarks;

/// <summary>
/// One step of an update rule on a network of 10,000 weights, as much as a layer of 128 by 64 and the heads of some thirty actions.
/// </summary>
public class UpdateRuleBenchmarks
{
    private ParameterTensor[] _tensors = [];
    private IUpdateRule _rule = null!;
    private long _step;

    public static IEnumerable<string> Rules => UpdateRules.Names;

    [ParamsSource(nameof(Rules))]
    public string Rule { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _rule = UpdateRules.Find(Rule)!;
        _tensors = [Network.Tensor(8192, _rule), Network.Tensor(1808, _rule)];
    }

    [Benchmark]
    public bool Step() => _rule.Step(_tensors, 1e-6f, ++_step);
}

/// <summary>AdamW and ADOPT as loops over single weights, beside the rules.</summary>
public class UpdateRuleLoopBenchmarks
{
    private const int Weights = 10_000;
    private readonly ParameterTensor _adamW = Network.Tensor(Weights, new AdamW()), _adopt = Network.Tensor(Weights, new Adopt());
    private readonly IUpdateRule _adamWRule = new AdamW(), _adoptRule = new Adopt();
    private readonly float[] _g = Network.Tensor(Weights, new Sgd()).Gradient;
    private readonly float[] _theta = new float[Weights], _m = new float[Weights], _v = new float[Weights];
    private int _step;

    [Benchmark(Baseline = true)]
    public bool AdamW() => _adamWRule.Step([_adamW], 1e-6f, ++_step);

    [Benchmark]
    public void AdamWLoop()
    {
        _step++;
        var (seen1, seen2) = (1 - MathF.Pow(0.9f, _step), 1 - MathF.Pow(0.999f, _step));
        for (var i = 0; i < Weights; i++)
        {
            _m[i] = 0.9f * _m[i] + 0.1f * _g[i];
            _v[i] = 0.999f * _v[i] + 0.001f * _g[i] * _g[i];
            _theta[i] -= 1e-6f * (_m[i] / seen1) / (MathF.Sqrt(_v[i] / seen2) + 1e-8f);
        }
    }

    [Benchmark]
    public bool Adopt() => _adoptRule.Step([_adopt], 1e-6f, ++_step);

    [Benchmark]
    public void AdoptLoop()
    {
        var bound = MathF.Sqrt(MathF.Sqrt(++_step));
        for (var i = 0; i < Weights; i++)
        {
            var scaled = Math.Clamp(_g[i] / Math.Max(MathF.Sqrt(_v[i]), 1e-6f), -bound, bound);
            _m[i] = 0.9f * _m[i] + 0.1f * scaled;
            _theta[i] -= 1e-6f * _m[i];
            _v[i] = 0.9999f * _v[i] + 0.0001f * _g[i] * _g[i];
        }
    }
}

file static class Network
{
    public static ParameterTensor Tensor(int length, IUpdateRule rule)
    {
        var random = new Random(6);
        var tensor = new ParameterTensor(new float[length], rule);
        for (var i = 0; i < length; i++)
            tensor.Gradient[i] = random.NextSingle() - 0.5f;
        return tensor;
    }
}
