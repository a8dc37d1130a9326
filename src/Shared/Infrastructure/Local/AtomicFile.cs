using System.Runtime.InteropServices;

namespace Recsys.Infrastructure.Local;

/// <summary>Replaces small files so that a reader, or a restart after a power cut, finds the old content or the new one and nothing between.</summary>
internal static class AtomicFile
{
    /// <summary>Ends the names of files that a crash may leave behind and that nobody reads.</summary>
    public const string TemporaryExtension = ".tmp";

    /// <summary>Writes aside, makes durable, renames, and makes the name durable.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its content, in parts.</param>
    public static void Write(string path, params ReadOnlySpan<ReadOnlyMemory<byte>> content)
    {
        var aside = path + TemporaryExtension;
        using (var handle = File.OpenHandle(aside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            long position = 0;
            foreach (var part in content)
            {
                RandomAccess.Write(handle, part.Span, position);
                position += part.Length;
            }
            RandomAccess.FlushToDisk(handle);
        }
        File.Move(aside, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>The content, or null when there is no such file.</summary>
    public static byte[]? Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Makes new, renamed and removed names of a directory survive a power cut. Windows does so by itself.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void SyncDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        // .NET cannot open a directory; POSIX wants exactly that: open(2) read-only, fsync(2), close(2).
        var descriptor = Posix.Open(directory, 0);
        if (descriptor < 0)
            throw new IOException($"Cannot open the directory '{directory}' to make it durable (errno {Marshal.GetLastPInvokeError()}).");
        try
        {
            if (Posix.Fsync(descriptor) != 0)
                throw new IOException($"Cannot make the directory '{directory}' durable (errno {Marshal.GetLastPInvokeError()}).");
        }
        finally
        {
            _ = Posix.Close(descriptor);
        }
    }

#pragma warning disable SYSLIB1054 // The generated form would need unsafe code in a project that has none.
    private static class Posix
    {
        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Fsync(int descriptor);

        [DllImport("libc", EntryPoint = "close", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Close(int descriptor);
    }
#pragma warning restore SYSLIB1054
}
