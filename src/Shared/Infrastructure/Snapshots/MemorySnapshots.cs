namespace Recsys.Infrastructure.Snapshots;

/// <summary>Both ends of <see cref="SnapshotChannel.Memory"/>; those of the parameters are registered by their interfaces.</summary>
/// <param name="Writer">The learner's side.</param>
/// <param name="Reader">The serving side.</param>
public sealed record MemorySnapshots(ISnapshotWriter Writer, ISnapshotReader Reader);
