using System.Diagnostics;
using System.Net.Sockets;

namespace Recsys.TestKit;

/// <summary>
/// A real <c>redis-server</c> of our own on a free TCP port of 127.0.0.1. Without persistence, killed and restarted it is empty; with its append-only file,
/// it comes back with all that it had acknowledged, unless <see cref="Forget"/> was called in between.
/// </summary>
public sealed class RedisServer : IDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("recsys-redis-");
    private readonly bool _keeps;
    private Process? _process;

    /// <summary>Starts the server and waits until it answers.</summary>
    /// <param name="keeps">Whether what it holds outlives it (its append-only file).</param>
    /// <exception cref="InvalidOperationException">It is not installed or does not come up; ask <see cref="IsInstalled"/> first.</exception>
    public RedisServer(bool keeps = false)
    {
        _keeps = keeps;
        Port = FreePorts.Next();
        Start();
    }

    /// <summary>Whether there is a <c>redis-server</c> on the path.</summary>
    public static bool IsInstalled { get; } = Find() is not null;

    /// <summary>Its port; the same after a restart.</summary>
    public int Port { get; }

    /// <summary>Whether it was started and not killed.</summary>
    public bool IsRunning => _process is not null;

    /// <summary>For StackExchange.Redis.</summary>
    public string Configuration => $"127.0.0.1:{Port}";

    /// <summary>Ends it at once, as a crash would. Everything in it is gone, unless it keeps what it holds.</summary>
    public void Kill()
    {
        if (_process is not { } process)
            return;
        _process = null;
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>Throws away what a stopped server has kept, as a lost disk would.</summary>
    public void Forget()
    {
        if (_process is not null)
            throw new InvalidOperationException("redis-server is running; kill it first.");
        foreach (var kept in _directory.EnumerateDirectories())
            kept.Delete(recursive: true);
        foreach (var kept in _directory.EnumerateFiles())
            kept.Delete();
    }

    /// <summary>Starts it again and waits until it answers.</summary>
    public void Start()
    {
        if (_process is not null)
            throw new InvalidOperationException("redis-server is running already.");
        var start = new ProcessStartInfo(Find() ?? throw new InvalidOperationException("redis-server is not installed."))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string[] arguments =
        [
            "--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", _keeps ? "yes" : "no", "--dir", _directory.FullName, "--loglevel", "warning",
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        // Unread pipes fill up and then stop the writer.
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        var waited = Stopwatch.StartNew();
        while (!Answers())
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"redis-server ended with {_process.ExitCode} instead of listening on port {Port}.");
            if (waited.Elapsed > StartMax)
                throw new InvalidOperationException($"redis-server did not answer on port {Port} within {StartMax}.");
            Thread.Yield();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _directory.Delete(recursive: true);
    }

    private bool Answers()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", Port) { ReceiveTimeout = 1000 };
            using var stream = client.GetStream();
            stream.Write("PING\r\n"u8);
            Span<byte> answer = stackalloc byte[5];
            stream.ReadExactly(answer);
            return answer.SequenceEqual("+PONG"u8);
        }
        catch (Exception problem) when (problem is SocketException or IOException)
        {
            return false;
        }
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(static directory => Path.Combine(directory, "redis-server"))
        .FirstOrDefault(File.Exists);
}
