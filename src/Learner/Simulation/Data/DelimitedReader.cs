using System.IO.Compression;

namespace Recsys.Learner.Simulation.Data;

/// <summary>
/// Reads records of a delimited text file: RFC 4180 (quoted fields may hold delimiters, doubled quotes and line ends), LF or CRLF, UTF-8 with or
/// without a mark, plain or gzip (told by its first two bytes, not by the name). Blank lines are skipped. One record is in memory at a time.
/// </summary>
public sealed class DelimitedReader : IDisposable
{
    private readonly TextReader _text;
    private readonly string _delimiter;
    private char[] _characters = new char[4096];
    private int[] _ends = new int[64];
    private int _length;
    private long _nextLine = 1;

    private DelimitedReader(string path, TextReader text, string delimiter)
    {
        Path = path;
        _text = text;
        _delimiter = delimiter;
    }

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>Line at which the current record starts, 1-based.</summary>
    public long Line { get; private set; }

    /// <summary>Fields of the current record.</summary>
    public int Count { get; private set; }

    /// <summary>One field of the current record, valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<char> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var start = index == 0 ? 0 : _ends[index - 1];
            return _characters.AsSpan(start, _ends[index] - start);
        }
    }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="delimiter">What separates fields; null to tell it from the first line: <c>::</c>, else the most frequent of tab, semicolon and comma.</param>
    /// <exception cref="DataFileException">There is no such file, or it may not be read.</exception>
    public static DelimitedReader Open(string path, string? delimiter = ",")
    {
        try
        {
            if (delimiter is null)
            {
                using var first = OpenText(path);
                delimiter = Sniff(first.ReadLine() ?? "");
            }
            return new DelimitedReader(path, OpenText(path), delimiter);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFileException(path, "there is no such file.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DataFileException(path, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Moves to the next record.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="DataFileException">A quoted field is malformed, or the file cannot be read further (a damaged gzip stream, for example).</exception>
    public bool Read()
    {
        try
        {
            do
            {
                if (_text.Peek() < 0)
                    return false;
                ReadRecord();
            }
            while (Count == 1 && _length == 0);
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new DataFileException(Path, _nextLine, null, $"cannot be read further: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _text.Dispose();

    private static StreamReader OpenText(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        var zipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return new StreamReader(zipped ? new GZipStream(file, CompressionMode.Decompress) : file, bufferSize: 1 << 15);
    }

    private static string Sniff(string line)
    {
        if (line.Contains("::", StringComparison.Ordinal))
            return "::";
        var best = ',';
        foreach (var candidate in "\t;")
            if (line.Count(c => c == candidate) > line.Count(c => c == best))
                best = candidate;
        return best.ToString();
    }

    private void ReadRecord()
    {
        Line = _nextLine;
        Count = 0;
        _length = 0;
        while (true)
        {
            var next = _text.Peek() == '"' ? ReadQuoted() : ReadPlain();
            EndField();
            if (next == FieldEnd.Record)
                return;
        }
    }

    private FieldEnd ReadPlain()
    {
        while (true)
        {
            var c = _text.Read();
            if (c < 0)
                return FieldEnd.Record;
            if (AtEnd((char)c) is { } end)
                return end;
            Append((char)c);
        }
    }

    private FieldEnd ReadQuoted()
    {
        var opened = _nextLine;
        _ = _text.Read();
        while (true)
        {
            var c = _text.Read();
            if (c < 0)
                throw new DataFileException(Path, opened, null, $"the quote that opens field {Count + 1} is never closed.");
            if (c == '\n')
                _nextLine++;
            if (c != '"')
            {
                Append((char)c);
                continue;
            }
            if (_text.Peek() == '"')
            {
                _ = _text.Read();
                Append('"');
                continue;
            }
            c = _text.Read();
            if (c < 0)
                return FieldEnd.Record;
            return AtEnd((char)c)
                ?? throw new DataFileException(Path, _nextLine, null, $"field {Count + 1} goes on after its closing quote.");
        }
    }

    /// <summary>Whether a character that was just read ends the field; takes the rest of a longer delimiter or line end with it.</summary>
    private FieldEnd? AtEnd(char c)
    {
        if (c == '\n')
        {
            _nextLine++;
            return FieldEnd.Record;
        }
        if (c == '\r' && _text.Peek() == '\n')
        {
            _ = _text.Read();
            _nextLine++;
            return FieldEnd.Record;
        }
        if (c != _delimiter[0])
            return null;
        if (_delimiter.Length == 2)
        {
            if (_text.Peek() != _delimiter[1])
                return null;
            _ = _text.Read();
        }
        return FieldEnd.Field;
    }

    private void Append(char c)
    {
        if (_length == _characters.Length)
            Array.Resize(ref _characters, 2 * _length);
        _characters[_length++] = c;
    }

    private void EndField()
    {
        if (Count == _ends.Length)
            Array.Resize(ref _ends, 2 * Count);
        _ends[Count++] = _length;
    }

    private enum FieldEnd
    {
        Field,
        Record,
    }
}
