using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Recsys.Bandits.Features;

namespace Recsys.Bandits.Policies;

/// <summary>The values that rewards can take.</summary>
/// <param name="Minimum">Smallest reward, finite.</param>
/// <param name="Maximum">Largest reward, finite and above the smallest.</param>
public readonly record struct RewardRange(double Minimum, double Maximum)
{
    /// <summary>Rewards in [0, 1].</summary>
    public static RewardRange Unit => new(0, 1);

    /// <summary>Maps a reward to [0, 1]; values outside the range are clipped to it.</summary>
    public double Normalize(double reward) => Math.Clamp((reward - Minimum) / (Maximum - Minimum), 0, 1);

    /// <summary>Maps an estimate back to the experiment's own units.</summary>
    public double Denormalize(double value) => Minimum + value * (Maximum - Minimum);

    /// <summary>Maps a width back to the experiment's own units.</summary>
    public double DenormalizeWidth(double width) => width * (Maximum - Minimum);
}

/// <summary>Everything that decides what a policy learns and how it serves. Pure data.</summary>
/// <param name="Kind">Name in <see cref="PolicyCatalog"/>.</param>
/// <param name="Parameters">Hyperparameters, complete and valid: build it with <see cref="PolicyCatalog.Configure"/>.</param>
/// <param name="Features">Shapes of the encoded features.</param>
/// <param name="Reward">The values that rewards can take.</param>
/// <param name="MinimumPropensity">Floor under every candidate's probability, 0 for none; uniform where K floors exceed 1.</param>
public sealed record PolicySpec(
    string Kind,
    HyperparameterSet Parameters,
    FeatureSchema Features,
    RewardRange Reward,
    double MinimumPropensity)
{
    /// <summary>
    /// Identifies parameters that are interchangeable: kind, hyperparameters, schema and reward range. The propensity floor is left out because
    /// it acts when serving and changes nothing that was learned.
    /// </summary>
    public ulong Fingerprint
    {
        get
        {
            var text = new StringBuilder(Kind).Append('\n');
            foreach (var (name, value) in Parameters.Values)
                text.Append(name).Append('=').Append(value).Append('\n');
            text.Append(Reward.Minimum.ToString("R", CultureInfo.InvariantCulture)).Append('\n').Append(Reward.Maximum.ToString("R", CultureInfo.InvariantCulture));
            Span<byte> schema = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(schema, Features.Fingerprint);
            var hash = new XxHash3();
            hash.Append(Encoding.UTF8.GetBytes(text.ToString()));
            hash.Append(schema);
            return hash.GetCurrentHashAsUInt64();
        }
    }
}
