using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Local;

/// <summary>Reads a journal in order: an open one up to its last commit and on as it grows, or the files of a closed one. Not thread-safe.</summary>
public sealed class JournalReader : IDisposable
{
    private readonly Journal _journal;
    private JournalSegment _segment;
    private SegmentScanner _scanner;

    internal JournalReader(Journal journal, long offset)
    {
        _journal = journal;
        (_segment, _scanner) = OpenAt(offset);
    }

    /// <summary>Offset of the next record.</summary>
    public long Offset => _scanner.Offset;

    /// <summary>Takes the next durable record, if there is one; its memory is valid until the next call.</summary>
    /// <exception cref="JournalCorruptException">The record is damaged.</exception>
    public bool TryRead(out JournalRecord record)
    {
        while (true)
        {
            var (offset, position) = (_scanner.Offset, _scanner.Position);
            switch (_scanner.Next(out record))
            {
                case Scan.Record:
                    _segment.Note(offset, position);
                    return true;
                case Scan.Invalid:
                    throw JournalCorruptException.At(_scanner);
            }
            if (!Advance())
                return false;
        }
    }

    /// <summary>
    /// Every record of a journal that no process writes: a directory of segments, or one segment file. For replay and evaluation. A torn tail ends it;
    /// nothing is changed on disk. The memory of a record is valid until the next one is taken.
    /// </summary>
    /// <exception cref="JournalCorruptException">A record is damaged.</exception>
    /// <exception cref="FileNotFoundException">There is no journal at <paramref name="path"/>.</exception>
    public static IEnumerable<JournalRecord> ReadFiles(string path)
    {
        var segments = Directory.Exists(path) ? JournalSegment.In(path)
            : JournalSegment.TryParse(path, out var offset) ? [new JournalSegment(offset, path)]
            : [new JournalSegment(0, path)];
        if (segments.Length == 0)
            throw new FileNotFoundException($"There are no journal segments in '{path}'.", path);
        for (var i = 0; i < segments.Length; i++)
        {
            using var scanner = new SegmentScanner(segments[i].Path, segments[i].BaseOffset, 0, limit: null);
            Scan scan;
            while ((scan = scanner.Next(out var record)) == Scan.Record)
                yield return record;
            if (scan == Scan.Invalid && (i + 1 < segments.Length || !scanner.IsTornTail()))
                throw JournalCorruptException.At(scanner);
            if (i + 1 < segments.Length && scanner.Offset != segments[i + 1].BaseOffset)
                throw Gap(segments[i].Path, scanner.Offset, segments[i + 1].BaseOffset);
        }
    }

    /// <summary><see cref="ReadFiles"/> as the records of an experiment's event log.</summary>
    /// <inheritdoc cref="ReadFiles" path="/exception"/>
    public static IEnumerable<LogRecord> ReadLog(string path) => ReadFiles(path).Select(static r => r.ToLogRecord());

    /// <inheritdoc/>
    public void Dispose() => _scanner.Dispose();

    // At the end of what could be read: has the file grown, or is there a next one?
    private bool Advance()
    {
        var state = _journal.State;
        var index = Array.IndexOf(state.Segments, _segment);
        if (index < 0)
        {
            // Removed by retention while it was read. What follows in the open file, if anything, is gone for others too.
            Reopen(Math.Max(_scanner.Offset, state.Segments[0].BaseOffset));
            return true;
        }
        var isSealed = index + 1 < state.Segments.Length;
        var limit = isSealed ? new FileInfo(_segment.Path).Length : state.ActiveBytes;
        if (limit > _scanner.Limit)
        {
            _scanner.Limit = limit;
            return true;
        }
        if (!isSealed)
            return false;
        if (_scanner.Offset != state.Segments[index + 1].BaseOffset)
            throw Gap(_segment.Path, _scanner.Offset, state.Segments[index + 1].BaseOffset);
        Reopen(_scanner.Offset);
        return true;
    }

    private void Reopen(long offset)
    {
        var (segment, scanner) = OpenAt(offset);
        _scanner.Dispose();
        (_segment, _scanner) = (segment, scanner);
    }

    private (JournalSegment Segment, SegmentScanner Scanner) OpenAt(long offset)
    {
        while (true)
        {
            var state = _journal.State;
            var index = state.IndexOf(offset);
            var segment = state.Segments[index];
            offset = Math.Max(offset, segment.BaseOffset);
            var (at, position) = segment.Floor(offset);
            SegmentScanner scanner;
            try
            {
                scanner = new SegmentScanner(segment.Path, at, position, index + 1 < state.Segments.Length ? null : state.ActiveBytes);
            }
            catch (FileNotFoundException) when (!ReferenceEquals(state, _journal.State))
            {
                // Removed by retention between the look and the opening.
                continue;
            }
            while (scanner.Offset < offset)
            {
                var (noted, where) = (scanner.Offset, scanner.Position);
                var scan = scanner.Next(out _);
                if (scan == Scan.Record)
                {
                    segment.Note(noted, where);
                    continue;
                }
                using (scanner)
                    throw scan == Scan.Invalid ? JournalCorruptException.At(scanner) : Gap(segment.Path, scanner.Offset, offset);
            }
            return (segment, scanner);
        }
    }

    private static JournalCorruptException Gap(string path, long ends, long next) =>
        new($"Journal segment '{path}' ends before record {ends}, and the next record there is is {next}: a file is cut short or missing. Restore it from a copy.");
}
