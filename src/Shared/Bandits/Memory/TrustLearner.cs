using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// Learns how much samples nearby are to be believed, by prediction with expert advice: each expert believes m samples by m/(m + n₀) with an n₀ of its own, one believes none,
/// and the mixture weighs them by how well they have foretold rewards, as they were served. Owned by one thread.
/// </summary>
/// <remarks>
/// Source: Herbster and Warmuth, Machine Learning 32 (1998), fixed share: after every reward weights are multiplied with e^(−loss), which for logarithmic loss is Bayes'
/// rule, and a small share is given back to where they began, so that the best expert of long ago is overtaken soon. The loss of the mixture is at most that of the best
/// expert and a constant for each time the best one changes, so a memory that is of no use costs next to nothing. Deviation from ReLoop2, where one λ is tuned by hand:
/// after a shift a single sample should be believed at once, and in quiet times a hundred hardly.
/// </remarks>
public sealed class TrustLearner
{
    /// <summary>Weight given back after every reward.</summary>
    private const double Share = 0.005;

    // Believing none, which is right in quiet times, begins with half of the weight.
    private const double Disbelief = 0.5;
    private static readonly double[] Numbers = [0.01, 0.1, 1, 10, 100];
    private readonly double _lambda;
    private readonly double _gamma;
    private readonly double[] _weights = Initial();

    /// <summary>Has seen nothing.</summary>
    /// <param name="options">λ and γ, and n₀ if it is given: then there is nothing to learn.</param>
    public TrustLearner(MemoryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_lambda, _gamma, Fixed) = (options.Lambda, options.Gamma, options.Evidence);
    }

    /// <summary>n₀ of the experts that believe anything.</summary>
    public static ReadOnlySpan<double> Evidence => Numbers;

    /// <summary>Weights of these, adding to at most 1; what is missing is the weight of not believing.</summary>
    public ReadOnlySpan<double> Weights => _weights.AsSpan(1);

    private double? Fixed { get; }

    /// <summary>As it stands.</summary>
    public MemoryTrust Trust => Fixed is { } evidence ? MemoryTrust.Of(evidence) : MemoryTrust.Of(Numbers, Weights);

    /// <summary>A prediction and what came.</summary>
    /// <param name="expected">What the model alone expected, normalised.</param>
    /// <param name="samples">Nearby when it was served; without any the experts agree, and nothing is learned of them.</param>
    /// <param name="local">What these said.</param>
    /// <param name="reward">In [0, 1].</param>
    public void Observe(double expected, double samples, double local, double reward)
    {
        if (Fixed is not null || !(samples > 0))
            return;
        var error = local - _gamma * expected;
        var sum = 0.0;
        for (var i = 0; i < _weights.Length; i++)
        {
            var believed = i == 0 ? 0 : samples / (samples + Numbers[i - 1]);
            _weights[i] *= Math.Exp(-CrossEntropy(expected + _lambda * believed * error, reward));
            sum += _weights[i];
        }
        for (var i = 0; i < _weights.Length; i++)
            _weights[i] = (1 - Share) * _weights[i] / sum + Share * InitialOf(i);
    }

    /// <summary>Loss of a prediction: −y·log p − (1 − y)·log(1 − p), with p kept from 0 and 1 by a thousandth, so that no single surprise weighs more than all else.</summary>
    /// <param name="prediction">Normalised; finite.</param>
    /// <param name="reward">In [0, 1].</param>
    public static double CrossEntropy(double prediction, double reward)
    {
        var likely = Math.Clamp(prediction, 1e-3, 1 - 1e-3);
        return -reward * Math.Log(likely) - (1 - reward) * Math.Log(1 - likely);
    }

    internal void Write(StateWriter writer) => writer.Write<double>(_weights);

    internal void Read(ref StateReader reader)
    {
        var weights = reader.Array<double>(_weights.Length);
        var sum = 0.0;
        foreach (var weight in weights)
            sum += weight > 0 ? weight : double.NaN;
        reader.Require(Math.Abs(sum - 1) < 1e-6, "weights do not add to 1");
        weights.CopyTo(_weights, 0);
    }

    private static double[] Initial()
    {
        var weights = new double[Numbers.Length + 1];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = InitialOf(i);
        return weights;
    }

    private static double InitialOf(int expert) => expert == 0 ? Disbelief : (1 - Disbelief) / Numbers.Length;
}
