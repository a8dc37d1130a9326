using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Interactions;

/// <summary>From where, and how, a joiner's state is rebuilt. The default value is the beginning of a log.</summary>
/// <param name="Offset">The first record to read again.</param>
/// <param name="Watermark">The joiner's event time before that record, Unix ms.</param>
/// <param name="NextOffset">The first record that is not part of the state.</param>
/// <param name="Starts">
/// The records in [<paramref name="Offset"/>, <paramref name="NextOffset"/>) at which what the state remembers began, in the form of
/// <see cref="OffsetSet"/>. All else in that range belongs to decisions that were forgotten, and must not be mistaken for new when its beginning
/// lies before <paramref name="Offset"/>. At most one bit per record and nine bytes per remembered decision, usually a third of a byte each.
/// </param>
public readonly record struct JoinResumePoint(long Offset, long Watermark, long NextOffset = 0, ReadOnlyMemory<byte> Starts = default)
{
    /// <summary>The offsets in <see cref="Starts"/>, ascending.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are no such set.</exception>
    internal long[] ReadStarts() => Starts.IsEmpty ? [] : OffsetSet.Read(Starts.Span);
}
