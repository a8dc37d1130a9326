using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Recsys.TestKit;

namespace Recsys.Api.Tests;

/// <summary>
/// A built service of this repository as a process of its own on a free port: the Api, or the learner. It can be killed and started again, on the same
/// port and with the same settings, as often as a test wants.
/// </summary>
public sealed class ServiceProcess : IDisposable
{
    // A process may take long to start where several others do the same on two cores.
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);

    private readonly string _assembly;
    private readonly string[] _arguments;
    private readonly Dictionary<string, string?> _environment;
    private ChildProcess? _process;

    private ServiceProcess(string assembly, string[] arguments, IEnumerable<KeyValuePair<string, string?>> environment)
    {
        var url = $"http://127.0.0.1:{FreePorts.Next()}";
        _assembly = assembly;
        _arguments = arguments;
        _environment = new Dictionary<string, string?>(environment) { ["ASPNETCORE_URLS"] = url };
        Client = new HttpClient { BaseAddress = new Uri(url) };
    }

    /// <summary>Talks to it; the same after a restart.</summary>
    public HttpClient Client { get; }

    /// <summary>Whether it was started and has not ended.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>How often it was started.</summary>
    public int Starts { get; private set; }

    /// <summary>Fails if it has ended without having been killed here; says with which code and what it printed.</summary>
    public void AssertNotEnded()
    {
        if (_process is { HasExited: true } ended)
            Xunit.Assert.Fail($"{_assembly} ended by itself with {ended.ExitCode}:\n{ended.Output}");
    }

    /// <summary>An Api, not started.</summary>
    public static ServiceProcess Api(IEnumerable<KeyValuePair<string, string?>> environment) => new("Recsys.Api.dll", [], environment);

    /// <summary>A learner, not started.</summary>
    public static ServiceProcess Learner(IEnumerable<KeyValuePair<string, string?>> environment) => new("Recsys.Learner.dll", ["run"], environment);

    /// <summary>Starts it and waits until it says that it is ready.</summary>
    public async Task StartAsync()
    {
        Starts++;
        _process = ChildProcess.StartDotnet(Path.Combine(AppContext.BaseDirectory, _assembly), _arguments, _environment);
        var waited = Stopwatch.StartNew();
        while (!await IsReadyAsync())
        {
            if (_process.HasExited || waited.Elapsed > StartMax)
                throw new InvalidOperationException($"{_assembly} did not become ready:\n{_process.Output}");
            await Task.Delay(20);
        }
    }

    /// <summary>Ends it as a power cut would.</summary>
    public void Kill()
    {
        // Forgotten first: whoever finds it gone meanwhile knows that it was meant to be.
        var process = _process;
        _process = null;
        process?.Dispose();
    }

    public void Dispose()
    {
        Client.Dispose();
        Kill();
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string json) => SendAsync(HttpMethod.Post, path, json);

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    public Task<JsonElement> GetAsync(string path) => Client.GetFromJsonAsync<JsonElement>(path);

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await Client.GetAsync("/health/ready");
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            // Not listening yet.
            return false;
        }
    }
}
