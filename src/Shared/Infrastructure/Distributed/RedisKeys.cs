using System.Globalization;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Distributed;

/// <summary>
/// Names in Redis (contract, section 3). The braces are the cluster hash tag: everything of an experiment lies in one slot, so that one script may touch it.
/// </summary>
internal static class RedisKeys
{
    /// <summary>Hash: names of all experiments, the revision and the id of this store.</summary>
    public const string Experiments = "recsys:experiments";

    /// <summary>Channel: something about the experiments has changed.</summary>
    public const string ExperimentsBell = "recsys:experiments:bell";

    /// <summary>What every key of an experiment starts with.</summary>
    public static string Prefix(string experiment) => $"recsys:{{{experiment}}}:";

    /// <summary>Hash: <c>json</c>, <c>createdAt</c>, <c>graph</c> as <c>version,checksum,nextCluster</c>.</summary>
    public static RedisKey Definition(string experiment) => Prefix(experiment) + "definition";

    /// <summary>Hash: partition to epoch of the newest tenure.</summary>
    public static RedisKey Epochs(string experiment) => Prefix(experiment) + "epochs";

    /// <summary>What the names of everything published on a channel start with.</summary>
    public static string Prefix(string experiment, SnapshotChannel channel) =>
        channel == SnapshotChannel.Parameters ? Prefix(experiment) : Prefix(experiment) + "memory:";

    /// <summary>
    /// Hash: partition to <c>epoch,interactions,asOf</c> of the published parameters, followed by <c>,base,length</c> when deltas lead to them: the interactions of the
    /// whole parameters, of the same epoch, that the deltas start from, and how many entries the stream of deltas had then.
    /// </summary>
    public static RedisKey Current(string experiment, SnapshotChannel channel = SnapshotChannel.Parameters) => Prefix(experiment, channel) + "current";

    /// <summary>Channel of pub/sub: something of this experiment has been published.</summary>
    public static string Bell(string experiment, SnapshotChannel channel) => Prefix(experiment, channel) + "bell";

    /// <summary>
    /// Blob: framed whole parameters, immutable. A large one is cut into pieces of equal length; the second has <c>:1</c> behind this name, and so on, and the first
    /// piece that is shorter, perhaps empty, is the last.
    /// </summary>
    public static RedisKey Parameters(string experiment, SnapshotChannel channel, int partition, long epoch, long interactions, int piece = 0)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{ParametersOf(experiment, channel, partition)}{epoch}-{interactions}");
        return piece == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}:{piece}");
    }

    /// <summary>What the names of the whole parameters of a partition start with.</summary>
    public static string ParametersOf(string experiment, SnapshotChannel channel, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix(experiment, channel)}params:{partition}:");

    /// <summary>
    /// Stream: framed deltas of a partition. The id of an entry is <c>epoch-interactions</c> of the version that it leads to, field <c>f</c> the version that it
    /// starts from, field <c>d</c> the delta. Entries behind the base before the current one are trimmed.
    /// </summary>
    public static RedisKey Deltas(string experiment, SnapshotChannel channel, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix(experiment, channel)}deltas:{partition}");

    /// <summary>Blob: the newest checkpoint.</summary>
    public static RedisKey Checkpoint(string experiment, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix(experiment)}checkpoint:{partition}");

    /// <summary>Blob: a checkpoint on its way, until a script has verified its writer's epoch.</summary>
    public static RedisKey CheckpointOnItsWay(string experiment, int partition, long epoch) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix(experiment)}checkpoint:{partition}:{epoch}");

    /// <summary>Blob: a graph plan, immutable.</summary>
    public static RedisKey Graph(string experiment, GraphHead head) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix(experiment)}graph:{head.Version}-{head.Checksum:x16}");
}
