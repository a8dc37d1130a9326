using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Policies.Linear;

/// <summary>
/// A linear model over inputs that have names instead of hashes: ridge regression solved in full by Math.NET, and a Kalman filter whose covariance is cut
/// back to its diagonal after every observation.
/// </summary>
internal static class NaiveLinear
{
    /// <summary>Inputs by name, as the scopes document them; a name that occurs twice adds.</summary>
    public static Dictionary<string, double> Inputs(string scope, FeatureSchema schema, FeatureSet context, ActionKey key, FeatureSet action)
    {
        var c = Describe("c", context, schema.ContextHashBits);
        var a = Describe("a", action, schema.ActionHashBits);
        var inputs = new Dictionary<string, double> { ["1"] = 1 };
        if (scope is "own" or "both")
        {
            inputs[$"{key.Value}|1"] = 1;
            foreach (var (name, value) in c)
                inputs[$"{key.Value}|{name}"] = value;
        }
        else
        {
            foreach (var (name, value) in c)
                inputs[name] = value;
        }
        if (scope is "shared" or "both")
        {
            foreach (var (name, value) in a)
                inputs[name] = value;
            foreach (var left in c)
            {
                foreach (var right in a)
                    inputs[$"{left.Key}*{right.Key}"] = Clip(left.Value * right.Value);
            }
        }
        return inputs;
    }

    /// <summary>
    /// Mean c + xᵀA⁻¹(b − c·a) and width √(xᵀA⁻¹x), A = λI + Σ x·xᵀ over the interactions of the block, a = Σ x; c the mean reward that is expected without evidence.
    /// </summary>
    public static (double Mean, double Width) Ridge(
        IEnumerable<(Dictionary<string, double> Inputs, double Reward)> block, Dictionary<string, double> query, double centre, double ridge)
    {
        var rows = block.ToList();
        var names = rows.SelectMany(static r => r.Inputs.Keys).Concat(query.Keys).Distinct().ToList();
        Vector<double> X(Dictionary<string, double> inputs) => Vector<double>.Build.Dense([.. names.Select(n => inputs.GetValueOrDefault(n))]);
        var a = Matrix<double>.Build.DenseIdentity(names.Count) * ridge;
        var b = Vector<double>.Build.Dense(names.Count);
        foreach (var (inputs, reward) in rows)
        {
            var x = X(inputs);
            a += x.OuterProduct(x);
            b += x * (reward - centre);
        }
        var q = X(query);
        return (centre + q.DotProduct(a.Solve(b)), Math.Sqrt(q.DotProduct(a.Solve(q))));
    }

    /// <summary>One Kalman step with the full covariance matrix, of which the diagonal is kept.</summary>
    public sealed class Kalman(double ridge)
    {
        private readonly Dictionary<string, (double Mean, double Variance)> _weights = [];

        public (double Mean, double Width) Predict(Dictionary<string, double> inputs) => (
            0.5 + inputs.Sum(x => x.Value * Weight(x.Key).Mean),
            Math.Sqrt(inputs.Sum(x => x.Value * x.Value * Weight(x.Key).Variance)));

        public void Learn(Dictionary<string, double> inputs, double reward)
        {
            var names = inputs.Where(static x => x.Value != 0).Select(static x => x.Key).ToList();
            var x = Vector<double>.Build.Dense([.. names.Select(n => inputs[n])]);
            var covariance = Matrix<double>.Build.DenseOfDiagonalArray([.. names.Select(n => Weight(n).Variance)]);
            var gain = covariance * x / (1 + x.DotProduct(covariance * x));
            var error = reward - Predict(inputs).Mean;
            var after = covariance - gain.OuterProduct(x) * covariance;
            for (var i = 0; i < names.Count; i++)
                _weights[names[i]] = (Weight(names[i]).Mean + gain[i] * error, after[i, i]);
        }

        private (double Mean, double Variance) Weight(string name) => _weights.TryGetValue(name, out var weight) ? weight : (0, 1 / ridge);
    }

    private static Dictionary<string, double> Describe(string side, FeatureSet set, int bits)
    {
        var inputs = new Dictionary<string, double>();
        for (var i = 0; i < set.Dense.Length; i++)
            Add($"{side}[{i}]", set.Dense.Span[i]);
        foreach (var feature in set.Sparse.ToArray())
            Add($"{side}#{feature.Hash % (1u << bits)}", feature.Value);
        return inputs.Where(static x => x.Value != 0).ToDictionary();

        void Add(string name, float value) => inputs[name] = inputs.GetValueOrDefault(name) + (float.IsNaN(value) ? 0 : Clip(value));
    }

    private static double Clip(double value) => Math.Clamp(value, -1e6, 1e6);
}
