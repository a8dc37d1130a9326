using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Recsys.Infrastructure.Local;

/// <summary>What a step through a segment met.</summary>
internal enum Scan
{
    /// <summary>A valid record.</summary>
    Record,

    /// <summary>The end of what may be read.</summary>
    End,

    /// <summary>Bytes that are no record; <see cref="SegmentScanner.Problem"/> says why.</summary>
    Invalid,
}

/// <summary>Steps through the records of one segment file, verifying each. Reads in large pieces into one reused buffer.</summary>
internal sealed class SegmentScanner : IDisposable
{
    private const int PieceBytes = 128 << 10;

    private readonly SafeFileHandle _handle;
    private byte[] _buffer = new byte[PieceBytes];
    private int _start;
    private int _end;

    /// <summary>Opens a segment at a record boundary.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">Number of the record at <paramref name="position"/>.</param>
    /// <param name="position">Byte in the file.</param>
    /// <param name="limit">Bytes that may be read; null for the whole file.</param>
    public SegmentScanner(string path, long offset, long position, long? limit)
    {
        Path = path;
        Offset = offset;
        Position = position;
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Limit = limit ?? RandomAccess.GetLength(_handle);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Number of the next record.</summary>
    public long Offset { get; private set; }

    /// <summary>Where the next record begins.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes that may be read; only grows.</summary>
    public long Limit { get; set; }

    /// <summary>Why the last step was invalid.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Takes the next record; its memory is valid until the next call.</summary>
    public Scan Next(out JournalRecord record)
    {
        record = default;
        if (Position == Limit)
            return Scan.End;
        if (!Fill(JournalFormat.PrefixBytes))
            return Invalid("it is cut short");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start));
        if (JournalFormat.CheckLength(length) is { } impossible)
            return Invalid(impossible);
        if (!Fill(JournalFormat.PrefixBytes + (int)length))
            return Invalid("it is cut short");
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start + 4));
        var payload = _buffer.AsMemory(_start + JournalFormat.PrefixBytes, (int)length);
        if (JournalFormat.TryRead(payload, checksum, Offset, out record) is { } problem)
            return Invalid(problem);
        var taken = JournalFormat.PrefixBytes + (int)length;
        _start += taken;
        Position += taken;
        Offset++;
        return Scan.Record;
    }

    /// <summary>Whether the bytes at which the last step failed were never acknowledged: nothing of a later commit group stands behind them.</summary>
    public bool IsTornTail()
    {
        var rest = new byte[RandomAccess.GetLength(_handle) - Position];
        var read = 0;
        for (int got; read < rest.Length && (got = RandomAccess.Read(_handle, rest.AsSpan(read), Position + read)) > 0; read += got) { }
        return !JournalFormat.HasLaterGroup(rest.AsSpan(0, read), Position);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private Scan Invalid(string problem)
    {
        Problem = problem;
        return Scan.Invalid;
    }

    // Makes the given number of bytes from Position on available in the buffer.
    private bool Fill(int bytes)
    {
        if (_end - _start >= bytes)
            return true;
        if (Position + bytes > Limit)
            return false;
        var kept = _end - _start;
        var target = _buffer;
        // The memory of the record before is given up by now, so the rest may move to the front.
        if (bytes > _buffer.Length)
            target = new byte[Math.Max(bytes, 2 * _buffer.Length)];
        _buffer.AsSpan(_start, kept).CopyTo(target);
        (_buffer, _start, _end) = (target, 0, kept);
        while (_end < bytes)
        {
            var room = (int)Math.Min(_buffer.Length - _end, Limit - Position - _end);
            var read = RandomAccess.Read(_handle, _buffer.AsSpan(_end, room), Position + _end);
            if (read == 0)
                return false;
            _end += read;
        }
        return true;
    }
}
