using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Policies.Neural.NeuralLinear;

namespace Recsys.Bandits.Tests.Policies.Neural.NeuralLinear;

/// <summary>
/// Neural-linear in doubles and by name: it watches a trainer learn, copies the weights of the live network when a replacement is due by its
/// own reckoning, keeps the interactions that belong to them, and solves everything from these whenever it is asked.
/// </summary>
internal sealed class NaiveHeads(PolicySpec spec, int member = 0)
{
    private readonly int _hidden = spec.Parameters.Integer("hidden");
    private readonly int _replay = spec.Parameters.Integer("replay");
    private readonly int _every = spec.Parameters.Integer("trunkEvery");
    private readonly int _actionsMax = spec.Parameters.Integer("actionsMax");
    private readonly double _ridge = spec.Parameters.Number("ridge");
    private readonly bool _shares = spec.Parameters.Choice("scope") != "per-action";
    private readonly List<Interaction> _replayed = [];
    private readonly HashSet<ActionKey> _known = [];
    private Func<FeatureSet, FeatureSet, double[]> _features = static (_, _) => [];

    /// <summary>Interactions in the sums.</summary>
    public List<Interaction> Included { get; private set; } = [];

    /// <summary>How often the trunk was replaced.</summary>
    public int Replacements { get; private set; }

    public long Interactions { get; private set; }

    private int _since;

    /// <summary>Follows what the trainer has just learned.</summary>
    public void Follow(NeuralLinearTrainer trainer, Interaction interaction)
    {
        Interactions++;
        _replayed.Add(interaction);
        if (_replayed.Count > _replay)
            _replayed.RemoveAt(0);
        if (_known.Count < _actionsMax)
            _known.Add(interaction.Action);
        var alarm = trainer.State.Drift.IsAlarm;
        if (alarm && _replayed.Count > 64)
            _replayed.RemoveRange(0, _replayed.Count - 64);
        _since++;
        if (!alarm && _since < Math.Max(1, Math.Min(_every, _replayed.Count / 16)))
        {
            Included.Add(interaction);
            return;
        }
        _since = 0;
        Replacements++;
        Included = [.. _replayed];
        _features = Copy(trainer.State);
    }

    /// <summary>What the copied weights make of an interaction: 1, then the hidden units over √H.</summary>
    public double[] Features(FeatureSet context, FeatureSet action) => _features(context, action);

    /// <summary>What the weights as they are now make of an interaction.</summary>
    public double[] LiveFeatures(NeuralLinearTrainer trainer, Interaction x) => Copy(trainer.State)(x.Context, x.ActionFeatures);

    /// <summary>Σ h·hᵀ and Σ r·h of an action; of those without room for null.</summary>
    public (Matrix<double> Gram, Vector<double> Moments) Sums(ActionKey? action, Func<Interaction, double[]> features)
    {
        var gram = Matrix<double>.Build.Dense(_hidden + 1, _hidden + 1);
        var moments = Vector<double>.Build.Dense(_hidden + 1);
        foreach (var x in Included.Where(x => action is { } key ? x.Action == key : !_known.Contains(x.Action)))
        {
            var h = Vector<double>.Build.Dense(features(x));
            gram += h.OuterProduct(h);
            moments += h * x.Reward;
        }
        return (gram, moments);
    }

    public (double Mean, double Width) Estimate(FeatureSet context, Candidate candidate)
    {
        var size = _hidden + 1;
        var h = Vector<double>.Build.Dense(Features(context, candidate.Features));
        var prior = Vector<double>.Build.Dense(size);
        prior[0] = (Included.Sum(static x => (double)x.Reward) + 5) / (Included.Count + 10);
        if (_shares)
            prior = Solve(Included, prior).Mean;
        var known = _known.Contains(candidate.Key);
        var own = Included.Where(x => known ? x.Action == candidate.Key : !_known.Contains(x.Action)).ToList();
        var (mean, precision) = Solve(own, prior);
        return (h.DotProduct(mean), Math.Sqrt(h.DotProduct(precision.Solve(h))));
    }

    /// <summary>Regression of what the prior does not explain.</summary>
    private (Vector<double> Mean, Matrix<double> Precision) Solve(List<Interaction> rows, Vector<double> prior)
    {
        var precision = Matrix<double>.Build.DenseIdentity(prior.Count) * _ridge;
        var moments = Vector<double>.Build.Dense(prior.Count);
        foreach (var x in rows)
        {
            var h = Vector<double>.Build.Dense(Features(x.Context, x.ActionFeatures));
            precision += h.OuterProduct(h);
            moments += h * (x.Reward - h.DotProduct(prior));
        }
        return (prior + precision.Solve(moments), precision);
    }

    private Func<FeatureSet, FeatureSet, double[]> Copy(NeuralState state)
    {
        var networks = state.Networks;
        double[] Doubles(ReadOnlySpan<float> values) => [.. values.ToArray().Select(static v => (double)v)];
        double[] Part(Weights weights) => Doubles(TwinNetwork.Part(weights.Served, member, networks.Options));
        var (layer, bias) = (Part(networks.Layer), Part(networks.Bias));
        var (shift, scale) = (Doubles(state.Inputs.Scaler.Shift), Doubles(state.Inputs.Scaler.Scale));
        var rows = state.Inputs.RowIds.Select((id, i) => (id, Weights: Part(networks.Rows[i]))).ToDictionary(static x => x.id, static x => x.Weights);
        return (context, action) =>
        {
            double[] dense = [.. context.Dense.ToArray(), .. action.Dense.ToArray()];
            var named = context.Sparse.ToArray().Select(f => (Id: NetworkInputs.ContextId(f.Hash, spec.Features), f.Value))
                .Concat(action.Sparse.ToArray().Select(f => (Id: NetworkInputs.ActionId(f.Hash, spec.Features), f.Value))).ToList();
            var features = new double[_hidden + 1];
            features[0] = 1;
            for (var unit = 0; unit < _hidden; unit++)
            {
                var sum = bias[unit];
                for (var i = 0; i < dense.Length; i++)
                    sum += Math.Clamp((dense[i] - shift[i]) * scale[i], -5, 5) * layer[i * _hidden + unit];
                sum += named.Where(f => rows.ContainsKey(f.Id)).Sum(f => f.Value * rows[f.Id][unit]);
                features[1 + unit] = Math.Max(0, sum) / Math.Sqrt(_hidden);
            }
            return features;
        };
    }
}
