namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// A Gaussian belief with one mean and one precision per weight, in a hashed table of 2^<see cref="LinearOptions.WeightBits"/> slots of which only
/// the touched ones are stored.
/// </summary>
/// <remarks>
/// <para>
/// Update: the Kalman filter with unit noise, projected back to a diagonal after every observation (assumed density filtering, as in AROW, Crammer
/// et al. 2009, and AdPredictor, Graepel et al. 2010). With S = 1 + Σ v·x², e = r − prediction: w += v·x·e/S, and 1/v += x²/(S − v·x²), the
/// exact marginal after one observation. Unlike the diagonal of Σ x·xᵀ it does not call a weight certain while weights that always occur with
/// it are not; unlike gradient steps it needs no learning rate.
/// </para>
/// <para>
/// Features that share a slot count as independent inputs with one belief: different features rarely collide among 2¹⁸ slots, and equal ones have been
/// added up before (<see cref="LinearFeatures"/>), as they must be: counted n times, one weight would overshoot the error by up to n times.
/// </para>
/// <para>
/// Merge: beliefs of shards multiply and the prior is counted once: precision λ + Σ (pₛ − λ), mean Σ pₛ·wₛ / precision. Exact where
/// covariances are diagonal, otherwise as good an approximation as each shard's own.
/// </para>
/// </remarks>
/// <param name="ridge">λ, the prior precision.</param>
internal sealed class DiagonalWeights(double ridge)
{
    /// <summary>Predicted reward of no evidence: the middle of the range, so that neither new actions nor known ones are favoured.</summary>
    public const double PriorMean = 0.5;

    private readonly Dictionary<int, int> _index = [];
    private int[] _slots = [];
    private double[] _means = [];
    private double[] _precisions = [];

    /// <summary>Touched slots in the order of their first touch.</summary>
    public ReadOnlySpan<int> Slots => _slots.AsSpan(0, _index.Count);

    /// <summary>Mean of each touched slot.</summary>
    public ReadOnlySpan<double> Means => _means.AsSpan(0, _index.Count);

    /// <summary>Precision of each touched slot, at least λ.</summary>
    public ReadOnlySpan<double> Precisions => _precisions.AsSpan(0, _index.Count);

    /// <summary>The slot of a feature; features that collide share a weight.</summary>
    public static int SlotOf(ulong featureId) => (int)(LinearFeatures.Mix(featureId) >> (64 - LinearOptions.WeightBits));

    /// <summary>Predicted mean reward and the variance of that mean. O(features).</summary>
    public (double Mean, double Variance) Predict(ReadOnlySpan<LinearFeature> features)
    {
        double mean = PriorMean, variance = 0;
        foreach (var feature in features)
        {
            double square = (double)feature.Value * feature.Value;
            if (_index.TryGetValue(SlotOf(feature.Id), out var at))
            {
                mean += _means[at] * feature.Value;
                variance += square / _precisions[at];
            }
            else
            {
                variance += square / ridge;
            }
        }
        return (mean, variance);
    }

    /// <summary>Learns one observation. O(features).</summary>
    public void Learn(ReadOnlySpan<LinearFeature> features, double reward)
    {
        var (mean, variance) = Predict(features);
        var total = 1 + variance;
        var error = reward - mean;
        foreach (var feature in features)
        {
            var at = Touch(SlotOf(feature.Id));
            var square = (double)feature.Value * feature.Value;
            var gain = feature.Value / (_precisions[at] * total);
            // At least the noise is left when this weight's own part is taken out of the total, whatever rounding says.
            _precisions[at] += square / Math.Max(1, total - square / _precisions[at]);
            _means[at] += gain * error;
        }
    }

    /// <summary>Multiplies in the belief of a shard.</summary>
    public void Merge(int slot, double mean, double precision)
    {
        var known = _index.ContainsKey(slot);
        var at = Touch(slot);
        if (!known)
        {
            // Not through the formula: λ + (p − λ) is not p in floating point, and a state read back must be the state written.
            (_means[at], _precisions[at]) = (mean, precision);
            return;
        }
        var merged = _precisions[at] + (precision - ridge);
        _means[at] = (_precisions[at] * _means[at] + precision * mean) / merged;
        _precisions[at] = merged;
    }

    private int Touch(int slot)
    {
        if (_index.TryGetValue(slot, out var at))
            return at;
        at = _index.Count;
        if (at == _slots.Length)
        {
            var capacity = Math.Max(16, 2 * at);
            Array.Resize(ref _slots, capacity);
            Array.Resize(ref _means, capacity);
            Array.Resize(ref _precisions, capacity);
        }
        _index.Add(slot, at);
        _slots[at] = slot;
        _precisions[at] = ridge;
        return at;
    }
}
