namespace Recsys.Bandits.Policies;

/// <summary>One entry of <see cref="PolicyCatalog"/>: how to configure, train and serve one kind of policy.</summary>
public interface IPolicyKind
{
    /// <summary>Its name in the contract, for example <c>lin-ucb</c>.</summary>
    string Name { get; }

    /// <summary>Its parameters with defaults and ranges.</summary>
    IReadOnlyList<Hyperparameter> Hyperparameters { get; }

    /// <summary>An untrained trainer for one partition.</summary>
    IPolicyTrainer CreateTrainer(PolicySpec spec);

    /// <summary>Merges the shards of all partitions into one frozen policy. Pure: the same shards in any order give the same policy.</summary>
    /// <param name="spec">The configuration that trained the shards.</param>
    /// <param name="shards">Zero or more; zero gives the prior.</param>
    /// <param name="previous">The policy that this one replaces, from which unchanged parts may be shared; or null.</param>
    /// <exception cref="Snapshots.SnapshotFormatException">A payload is not what this kind writes.</exception>
    IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null);
}

/// <summary>What one partition has learned.</summary>
/// <param name="Partition">Its number, at least 0.</param>
/// <param name="Interactions">Interactions learned.</param>
/// <param name="Parameters">What <see cref="IPolicyTrainer.WriteParameters"/> wrote.</param>
public sealed record PolicyShard(int Partition, long Interactions, ReadOnlyMemory<byte> Parameters);
