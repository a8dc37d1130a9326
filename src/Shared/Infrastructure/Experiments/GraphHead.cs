using System.Globalization;
using Recsys.Bandits.Catalogue;

namespace Recsys.Infrastructure.Experiments;

/// <summary>Which graph plan an experiment runs on. The plan itself is a blob of its own (<see cref="IGraphStore"/>), fetched only when this changes.</summary>
/// <param name="Version">Counts the plans of the experiment; 0 before the first. A plan that is dropped, because another definition made it useless, counts as one.</param>
/// <param name="Checksum">Of the blob; 0 when there is none: a single cluster with an edge to every item.</param>
/// <param name="NextCluster">The lowest cluster id that this experiment never used.</param>
public sealed record GraphHead(long Version, ulong Checksum, int NextCluster)
{
    /// <summary>No plan yet.</summary>
    public static GraphHead None { get; } = new(0, 0, ClusterIdentity.FirstId);

    /// <summary>
    /// The head of an experiment that was stored before graphs had versions. Its centroids have to be put again; the positions that were the ids of its clusters count as used.
    /// </summary>
    public static GraphHead Unversioned(int centroids) => None with { NextCluster = Math.Max(ClusterIdentity.FirstId, centroids) };

    /// <summary>Whether there is a blob.</summary>
    public bool HasPlan => Checksum != 0;

    /// <summary>The head after the plan was dropped: the version rises, used ids stay used.</summary>
    public GraphHead WithoutPlan() => HasPlan ? this with { Version = Version + 1, Checksum = 0 } : this;

    /// <summary><c>version,checksum,nextCluster</c>, the checksum in 16 hexadecimal digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Version},{Checksum:x16},{NextCluster}");

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <returns>The head, or null when the text is none.</returns>
    public static GraphHead? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(',');
        return parts.Length == 3
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            && parts[1].Length == 16 && ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var checksum)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var next) && next >= ClusterIdentity.FirstId
            ? new GraphHead(version, checksum, next)
            : null;
    }
}
