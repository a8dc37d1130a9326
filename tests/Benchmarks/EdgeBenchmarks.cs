using BenchmarkDotNet.Attributes;
using ILGPU;
using ILGPU.Runtime.CPU;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Gpu;

namespace Recsys.Benchmarks;

/// <summary>
/// Scattering a full batch of deltas into the table of edge sums; time is that of one delta, reading back once included. ILGPU's CPU accelerator is what the tests
/// run on and what nobody should learn on; a real device is measured where there is one.
/// </summary>
public class EdgeBenchmarks : IDisposable
{
    private const int Deltas = 4096;
    private const int Edges = 100_000;
    private const string Emulated = "emulated";

    private readonly EdgeDelta[] _deltas = new EdgeDelta[Deltas];
    private readonly EdgeSums[] _sums = new EdgeSums[1];
    private readonly CpuEdgeAccumulator _cpu = new();
    private readonly Dictionary<int, EdgeSums> _naive = [];
    private Context _context = null!;
    private GpuDevice _emulated = null!;
    private GpuEdgeAccumulator _emulatedTable = null!;
    private ComputeBackend _backend = null!;
    private IEdgeAccumulator? _device;

    public static IEnumerable<string> Devices
    {
        get
        {
            using var backend = ComputeBackend.Open(DevicePreference.Auto, static _ => { });
            return backend.Kind == "cpu" ? [Emulated] : [Emulated, backend.Name];
        }
    }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(5);
        for (var i = 0; i < Deltas; i++)
            _deltas[i] = new EdgeDelta(random.Next(Edges), EdgeSums.Of(0.1f, random.NextDouble()));
        _context = Context.Create(static b => b.CPU(new CPUDevice(2, 2, 2)));
        _emulated = new GpuDevice(_context, _context.GetCPUDevice(0), 1 << 28);
        _emulatedTable = new GpuEdgeAccumulator(_emulated);
        _backend = ComputeBackend.Open(DevicePreference.Auto, static _ => { });
        _device = _backend.Kind == "cpu" ? null : _backend.CreateEdges();
        foreach (var table in (IEdgeAccumulator?[])[_cpu, _emulatedTable, _device])
            table?.EnsureCapacity(Edges);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _emulatedTable.Dispose();
        _emulated.Dispose();
        _context.Dispose();
        (_device as IDisposable)?.Dispose();
        _backend.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Deltas)]
    public void Cpu() => Scatter(_cpu);

    [Benchmark(OperationsPerInvoke = Deltas)]
    public void NaiveDictionary()
    {
        foreach (var (edge, sums) in _deltas)
            _naive[edge] = _naive.GetValueOrDefault(edge) + sums;
    }

    [Benchmark(OperationsPerInvoke = Deltas)]
    [ArgumentsSource(nameof(Devices))]
    public void Ilgpu(string device) => Scatter(device == Emulated ? _emulatedTable : _device!);

    private void Scatter(IEdgeAccumulator table)
    {
        table.Add(_deltas);
        table.Read(_sums);
    }
}
