using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Policies;

namespace Recsys.Infrastructure.Experiments;

/// <summary>Which actions a decision chooses from.</summary>
public enum CandidateSource
{
    /// <summary>The request lists them.</summary>
    Request,

    /// <summary>The graph of user clusters and items proposes them.</summary>
    Catalogue,
}

/// <summary>How much of the loop is live.</summary>
public enum ExperimentMode
{
    /// <summary>Decides by policy and learns.</summary>
    Online,

    /// <summary>Serves the first listed action, learns.</summary>
    Apprentice,

    /// <summary>Serves uniformly, learns nothing.</summary>
    Logging,
}

/// <summary>A policy that is compared with the serving one.</summary>
/// <param name="Name">Its name in evaluations.</param>
/// <param name="Spec">Its configuration.</param>
/// <param name="Share">Share of decisions it makes, 0 for a shadow.</param>
public sealed record Challenger(string Name, PolicySpec Spec, double Share);

/// <summary>A complete, valid experiment definition (contract, section 1.1); built only by <see cref="ExperimentDefinitionReader"/>.</summary>
/// <param name="Policy">The serving policy with shapes and reward range.</param>
/// <param name="Challengers">Policies to compare with.</param>
/// <param name="Candidates">Where candidates come from.</param>
/// <param name="Reward">The reward rule.</param>
/// <param name="Memory">The error memory that corrects the policy, or null for none.</param>
/// <param name="Mode">How much of the loop is live.</param>
/// <param name="Graph">Sizes of the user-cluster x item graph.</param>
/// <param name="Json">The definition as its owner wrote it, for reading back.</param>
public sealed record ExperimentDefinition(
    PolicySpec Policy,
    IReadOnlyList<Challenger> Challengers,
    CandidateSource Candidates,
    RewardRule Reward,
    MemoryOptions? Memory,
    ExperimentMode Mode,
    GraphSettings Graph,
    string Json)
{
    /// <summary>Shapes of the encoded features.</summary>
    public FeatureSchema Features => Policy.Features;

    /// <summary>Parts of the definition that are stored and have no effect in this version, one sentence each.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            var warnings = new List<string>();
            if (Challengers.Count > 0)
                warnings.Add("Challengers are stored and checked, and do not run in this version.");
            if (Memory is not null)
                warnings.Add("The error memory is stored and checked, and does not run in this version.");
            return warnings;
        }
    }

    /// <summary>
    /// Identifies what is learned from the log: the policy's fingerprint and the reward rule. When it changes, learning starts again from the
    /// retained log; a change of mode, floor, graph or error memory keeps what was learned.
    /// </summary>
    public ulong Generation
    {
        get
        {
            Span<byte> bytes = stackalloc byte[32];
            BitConverter.TryWriteBytes(bytes, Policy.Fingerprint);
            BitConverter.TryWriteBytes(bytes[8..], Reward.Window.Ticks);
            BitConverter.TryWriteBytes(bytes[16..], Reward.Default);
            BitConverter.TryWriteBytes(bytes[24..], (long)Reward.Aggregate);
            return System.IO.Hashing.XxHash3.HashToUInt64(bytes);
        }
    }
}

/// <summary>Sizes of the user-cluster x item graph (Online Matching, arXiv 2307.15893, section 4).</summary>
/// <param name="ClustersPerUser">K, nearest clusters that a user belongs to, 1 to 64.</param>
/// <param name="ItemsPerCluster">W, items that each cluster proposes.</param>
/// <param name="Temperature">τ′ of the softmax over cosine similarities; smaller is sharper.</param>
/// <param name="NewcomerFor">How long an item that no cluster ranks is proposed in its turn, from its availability on.</param>
/// <param name="GraduateAfter">Learned interactions after which such an item is ranked or retired.</param>
public sealed record GraphSettings(int ClustersPerUser, int ItemsPerCluster, double Temperature, TimeSpan NewcomerFor, int GraduateAfter);

/// <summary>An experiment as it is stored.</summary>
/// <param name="Name">Matches <c>[a-z0-9][a-z0-9-]{0,62}</c>.</param>
/// <param name="Definition">What it does.</param>
/// <param name="CreatedAt">Unix milliseconds; events of an earlier experiment of the same name are older and ignored.</param>
/// <param name="Graph">The plan of its graph.</param>
public sealed record Experiment(string Name, ExperimentDefinition Definition, long CreatedAt, GraphHead Graph)
{
    /// <summary>Randomness of its decisions is independent of that of any other experiment.</summary>
    public ulong Salt { get; } = System.IO.Hashing.XxHash3.HashToUInt64(System.Text.Encoding.UTF8.GetBytes(Name));
}
