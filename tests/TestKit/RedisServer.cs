using System.Diagnostics;
using System.Net.Sockets;

namespace Recsys.TestKit;

/// <summary>A real <c>redis-server</c> of our own on a free TCP port of 127.0.0.1, without persistence: killed and restarted it is empty.</summary>
public sealed class RedisServer : IDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("recsys-redis-");
    private Process? _process;

    /// <summary>Starts the server and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">It is not installed or does not come up; ask <see cref="IsInstalled"/> first.</exception>
    public RedisServer()
    {
        Port = FreePorts.Next();
        Start();
    }

    /// <summary>Whether there is a <c>redis-server</c> on the path.</summary>
    public static bool IsInstalled { get; } = Find() is not null;

    /// <summary>Its port; the same after a restart.</summary>
    public int Port { get; }

    /// <summary>For StackExchange.Redis.</summary>
    public string Configuration => $"127.0.0.1:{Port}";

    /// <summary>Ends it at once, as a crash would. Everything in it is gone.</summary>
    public void Kill()
    {
        if (_process is not { } process)
            return;
        _process = null;
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>Starts it again, empty, and waits until it answers.</summary>
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
            "--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _directory.FullName, "--loglevel", "warning",
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
