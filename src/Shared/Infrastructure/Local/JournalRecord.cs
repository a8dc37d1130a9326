using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Local;

/// <summary>One record of a journal; its memory is valid until the next one is read.</summary>
/// <param name="Offset">Its number in the journal, from 0.</param>
/// <param name="AppendedAt">When it was appended, Unix milliseconds.</param>
/// <param name="Key">Its key as UTF-8.</param>
/// <param name="Value">Its bytes.</param>
/// <param name="IsRemoval">It says that its key is gone; the value is empty.</param>
/// <param name="HeaderBlock">Its headers, encoded.</param>
public readonly record struct JournalRecord(
    long Offset, long AppendedAt, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, bool IsRemoval, ReadOnlyMemory<byte> HeaderBlock)
{
    /// <summary>Name and value of every header.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ReadHeaders() => JournalHeaders.Decode(HeaderBlock.Span);

    /// <summary>As the record of an experiment's log, of which a journal is the only partition.</summary>
    public LogRecord ToLogRecord() => new(0, Offset, Key, Value, JournalHeaders.ToEventHeaders(HeaderBlock.Span), AppendedAt);
}
