namespace Recsys.Infrastructure.Snapshots;

/// <summary>What is published of a partition. Each has heads, versions and a bell of its own; the tenure of the writer is shared.</summary>
public enum SnapshotChannel
{
    /// <summary>Parameters of the policy.</summary>
    Parameters,

    /// <summary>Shards of the error memory, which change with every sample and are published more often.</summary>
    Memory,
}
