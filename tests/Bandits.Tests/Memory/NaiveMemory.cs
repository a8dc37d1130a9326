using Recsys.Bandits.Memory;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>The twin of <see cref="ErrorMemory"/> and <see cref="FrozenMemory"/>: keeps every sample, in double precision, and looks at all of them to read.</summary>
internal sealed class NaiveMemory
{
    private readonly List<(long Bucket, ushort[] Codes, double Reward, double Prediction)> _samples = [];

    public long Bucket { get; set; }

    public void Add(ReadOnlySpan<ushort> codes, double reward, double prediction) => _samples.Add((Bucket, codes.ToArray(), reward, prediction));

    public void Clear() => _samples.Clear();

    public static (double Evidence, double Corrected) Read(MemoryOptions options, NaiveMemory[] partitions, ushort[] codes, double prediction)
    {
        var arrays = options.Shape.Arrays;
        var current = partitions.Sum(static p => p._samples.Count(s => s.Bucket == p.Bucket));
        var elapsed = Math.Min(1, current / ((double)options.Window * partitions.Length));
        double[] n = new double[arrays], y = new double[arrays], b = new double[arrays];
        var (entries, rewards, predictions) = (0d, 0d, 0d);
        foreach (var (age, stored, reward, stale) in partitions.SelectMany(static p => p._samples.Select(s => (p.Bucket - s.Bucket, s.Codes, s.Reward, s.Prediction))))
        {
            var weight = age == 0 ? 1 : age == 1 ? 1 - elapsed : 0;
            (entries, rewards, predictions) = (entries + weight, rewards + weight * reward, predictions + weight * stale);
            for (var k = 0; k < arrays; k++)
            {
                if (stored[k] == codes[k])
                    (n[k], y[k], b[k]) = (n[k] + weight, y[k] + weight * reward, b[k] + weight * stale);
            }
        }
        var background = 1.0 / (1 << options.Shape.Bits);
        var evidence = n.Average() - entries * background;
        if (!(evidence > 1e-9))
            return (0, prediction);
        var (local, least) = (0d, options.Gamma - 1);
        double Difference(double rewardSum, double predictionSum) =>
            rewardSum - rewards * background - (1 - options.Gamma) * (predictionSum - predictions * background);
        if (options.Readout == MemoryReadout.Ratio)
            local = Math.Clamp(Difference(y.Average(), b.Average()) / evidence, least, 1);
        else
        {
            var weights = 0d;
            for (var k = 0; k < arrays; k++)
            {
                var above = n[k] - entries * background;
                if (above <= 0)
                    continue;
                var weight = Math.Exp(above / entries / options.Temperature);
                weights += weight;
                local += weight * Math.Clamp(Difference(y[k], b[k]) / above, least, 1);
            }
            local /= weights;
        }
        var corrected = prediction + options.Lambda * evidence / (evidence + options.Evidence!.Value) * (local - options.Gamma * prediction);
        return (evidence, Math.Clamp(corrected, Math.Min(0, prediction), Math.Max(1, prediction)));
    }
}
