namespace Recsys.Infrastructure.Experiments;

/// <summary>Where graph plans are kept: one immutable blob per version, beside the experiments and forgotten with them.</summary>
public interface IGraphStore
{
    /// <summary>Stores a plan, then moves the experiment forward to it. The plan before stays for a while, for those who have just seen its head.</summary>
    /// <param name="experiment">The experiment as it is to be; only its head is written.</param>
    /// <param name="plan">What <see cref="GraphPlanCodec"/> wrote; its checksum is the head's.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>False when nothing was changed: the experiment is gone, or has another plan of this version or a later one.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    Task<bool> PutAsync(Experiment experiment, ReadOnlyMemory<byte> plan, CancellationToken cancellationToken);

    /// <summary>The plan that an experiment runs on, as bytes that the caller verifies; null when there is none under that name.</summary>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, GraphHead head, CancellationToken cancellationToken);
}
