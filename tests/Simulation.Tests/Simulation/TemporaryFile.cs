using System.IO.Compression;
using System.Text;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>A data file that a test writes and that is gone afterwards.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(string content, bool zipped = false)
        : this(zipped ? Zip(Encoding.UTF8.GetBytes(content)) : Encoding.UTF8.GetBytes(content))
    {
    }

    public TemporaryFile(byte[] content)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"recsys-{Guid.NewGuid():N}.csv");
        File.WriteAllBytes(Path, content);
    }

    public string Path { get; }

    public void Dispose() => File.Delete(Path);

    public static byte[] Zip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }
}
