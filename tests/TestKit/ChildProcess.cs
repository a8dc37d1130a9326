using System.Diagnostics;

namespace Recsys.TestKit;

/// <summary>A .NET program in a process of its own, with its output captured: for tests that end it the hard way.</summary>
public sealed class ChildProcess : IDisposable
{
    // A chatty child must not eat the memory of the test; what matters is near the end.
    private const int LinesMax = 20_000;

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Found)> _waiters = [];

    private ChildProcess(Process process) => _process = process;

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Everything it has printed so far on both streams, newest last.</summary>
    public string Output
    {
        get
        {
            lock (_lock)
                return string.Join('\n', _lines);
        }
    }

    /// <summary>Starts <c>dotnet</c> with an assembly.</summary>
    /// <param name="assembly">Path of the program's dll.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables to set for it; null removes one.</param>
    /// <param name="workingDirectory">Where it runs; null is here.</param>
    public static ChildProcess StartDotnet(
        string assembly,
        IEnumerable<string> arguments,
        IEnumerable<KeyValuePair<string, string?>>? environment = null,
        string? workingDirectory = null)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "",
        };
        start.ArgumentList.Add(assembly);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        var child = new ChildProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        child._process.OutputDataReceived += (_, line) => child.Take(line.Data);
        child._process.ErrorDataReceived += (_, line) => child.Take(line.Data);
        child._process.Exited += (_, _) => child.Ended();
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        return child;
    }

    /// <summary>The first line, printed already or later, that satisfies a condition.</summary>
    /// <exception cref="TimeoutException">No such line in time, or the program ended without it; the message carries the output.</exception>
    public async Task<string> WaitForLineAsync(Func<string, bool> wanted, TimeSpan timeMax)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var found = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_lines.FirstOrDefault(wanted) is { } line)
                return line;
            _waiters.Add((wanted, found));
        }
        if (_process.HasExited)
            Ended();
        try
        {
            return await found.Task.WaitAsync(timeMax).ConfigureAwait(false);
        }
        catch (TimeoutException problem)
        {
            throw new TimeoutException($"The awaited line did not come within {timeMax}. Output:\n{Output}", problem);
        }
    }

    /// <summary>The first line that contains a text.</summary>
    /// <exception cref="TimeoutException">No such line in time, or the program ended without it.</exception>
    public Task<string> WaitForLineAsync(string text, TimeSpan timeMax) =>
        WaitForLineAsync(line => line.Contains(text, StringComparison.Ordinal), timeMax);

    /// <summary>Asks it to end (SIGTERM) and waits for its exit code.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public Task<int> TerminateAsync(TimeSpan timeMax)
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            kill.WaitForExit();
        }
        return WaitForExitAsync(timeMax);
    }

    /// <summary>Waits until it ends by itself and returns its exit code; all output has been read then.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan timeMax)
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(timeMax).ConfigureAwait(false);
        }
        catch (TimeoutException problem)
        {
            throw new TimeoutException($"The process did not end within {timeMax}. Output:\n{Output}", problem);
        }
        return _process.ExitCode;
    }

    /// <summary>Ends it at once (SIGKILL), as a crash would, and waits until it is gone.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        lock (_lock)
        {
            if (_lines.Count == LinesMax)
                _lines.RemoveRange(0, LinesMax / 2);
            _lines.Add(line);
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (!_waiters[i].Wanted(line))
                    continue;
                _waiters[i].Found.TrySetResult(line);
                _waiters.RemoveAt(i);
            }
        }
    }

    private void Ended()
    {
        // The streams may still hold lines; they are complete only after this wait.
        _process.WaitForExit();
        lock (_lock)
        {
            foreach (var (_, found) in _waiters)
                found.TrySetException(new TimeoutException($"The process ended with {_process.ExitCode} before the awaited line. Output:\n{string.Join('\n', _lines)}"));
            _waiters.Clear();
        }
    }
}
