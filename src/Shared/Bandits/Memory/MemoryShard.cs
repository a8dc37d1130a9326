namespace Recsys.Bandits.Memory;

/// <summary>What a partition has written.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Change">All that it holds, or what has changed since the change before.</param>
public readonly record struct MemoryShard(int Partition, MemoryChange Change);
