using System.Globalization;

namespace Recsys.Infrastructure.Local;

/// <summary>One file of a journal, named by the offset of its first record.</summary>
/// <param name="baseOffset">That offset.</param>
/// <param name="path">The file.</param>
internal sealed class JournalSegment(long baseOffset, string path)
{
    private const string Extension = ".log";
    private const int IndexEveryBytes = 64 << 10;

    private readonly Lock _gate = new();
    private readonly List<(long Offset, long Position)> _index = [(baseOffset, 0)];

    /// <summary>Offset of the first record.</summary>
    public long BaseOffset { get; } = baseOffset;

    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <summary>The name of a segment.</summary>
    public static string PathOf(string directory, long baseOffset) =>
        System.IO.Path.Combine(directory, baseOffset.ToString("D20", CultureInfo.InvariantCulture) + Extension);

    /// <summary>The segments in a directory, ordered.</summary>
    public static JournalSegment[] In(string directory)
    {
        var segments = new List<JournalSegment>();
        foreach (var path in Directory.EnumerateFiles(directory, "*" + Extension))
        {
            if (TryParse(path, out var offset))
                segments.Add(new JournalSegment(offset, path));
        }
        segments.Sort(static (a, b) => a.BaseOffset.CompareTo(b.BaseOffset));
        return [.. segments];
    }

    /// <summary>Whether a file has the name of a segment, and which.</summary>
    public static bool TryParse(string path, out long baseOffset)
    {
        var name = System.IO.Path.GetFileNameWithoutExtension(path);
        baseOffset = 0;
        return name.Length == 20 && long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out baseOffset);
    }

    /// <summary>Remembers where a record lies, if it is far enough from the last one remembered: seeking then reads at most 64 KiB too many.</summary>
    public void Note(long offset, long position)
    {
        lock (_gate)
        {
            if (position - _index[^1].Position >= IndexEveryBytes)
                _index.Add((offset, position));
        }
    }

    /// <summary>The last remembered record at or before an offset.</summary>
    public (long Offset, long Position) Floor(long offset)
    {
        lock (_gate)
        {
            int low = 0, high = _index.Count - 1;
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (_index[middle].Offset <= offset)
                    low = middle;
                else
                    high = middle - 1;
            }
            return _index[low];
        }
    }
}

/// <summary>What of a journal is durable; replaced as a whole after every commit.</summary>
/// <param name="Segments">Its files, ordered; the last one grows.</param>
/// <param name="NextOffset">Offset of the next record.</param>
/// <param name="ActiveBytes">Durable bytes of the last file.</param>
internal sealed record JournalState(JournalSegment[] Segments, long NextOffset, long ActiveBytes)
{
    /// <summary>The newest segment that begins at or before an offset; the oldest if none does.</summary>
    public int IndexOf(long offset)
    {
        var i = Segments.Length - 1;
        while (i > 0 && Segments[i].BaseOffset > offset)
            i--;
        return i;
    }
}
