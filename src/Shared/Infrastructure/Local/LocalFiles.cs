namespace Recsys.Infrastructure.Local;

/// <summary>Replacing a small file so that a reader, or a restart, finds the old one or the new one and nothing between.</summary>
internal static class LocalFiles
{
    public static void Replace(string path, ReadOnlySpan<byte> content, bool durable)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var aside = path + ".new";
        using (var file = new FileStream(aside, FileMode.Create, FileAccess.Write, FileShare.None, 0))
        {
            file.Write(content);
            if (durable)
                file.Flush(flushToDisk: true);
        }
        File.Move(aside, path, overwrite: true);
    }

    public static byte[]? Read(string path) => File.Exists(path) ? File.ReadAllBytes(path) : null;
}
