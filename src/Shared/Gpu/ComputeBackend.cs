using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Gpu;

/// <summary>
/// Where this process computes, decided once at start. The CPU means plain code, never ILGPU's own CPU accelerator, which is a debugger and hundreds of times
/// slower. Thread-safe; what it creates is not.
/// </summary>
public sealed class ComputeBackend : IDisposable
{
    private readonly Context? _context;
    private readonly GpuDevice? _device;
    private readonly Action<string> _degraded;

    private ComputeBackend(Context? context, GpuDevice? device, string kind, string name, string reason, Action<string> degraded)
    {
        _context = context;
        _device = device;
        _degraded = degraded;
        Kind = kind;
        Name = name;
        Reason = reason;
    }

    /// <summary>A back end over a device that is open already.</summary>
    internal ComputeBackend(GpuDevice device, Action<string> degraded) : this(null, device, "cuda", device.Name, "it was given", degraded)
    {
    }

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>opencl</c>.</summary>
    public string Kind { get; }

    /// <summary>Name of the device; of the CPU, how many processors the runtime sees.</summary>
    public string Name { get; }

    /// <summary>Why this one, one clause.</summary>
    public string Reason { get; }

    /// <summary>Looks for devices, decides (<see cref="DeviceChoice.Of"/>), and opens what was chosen. A device that does not open counts as unusable.</summary>
    /// <param name="preference">What is asked for.</param>
    /// <param name="degraded">Told when work has to move from the device to the CPU later; the text says why. Called on the threads of trainers.</param>
    /// <exception cref="DeviceUnavailableException">A GPU is asked for and none can be used.</exception>
    public static ComputeBackend Open(DevicePreference preference, Action<string> degraded)
    {
        ArgumentNullException.ThrowIfNull(degraded);
        if (preference == DevicePreference.Cpu || !NativeDrivers.AnyInstalled)
            return Cpu(DeviceChoice.Of(preference, []).Reason, degraded);
        Context? context = null;
        try
        {
            NativeDrivers.Resolve();
            context = Context.Create(static b => b.Optimize(OptimizationLevel.O2).Cuda().OpenCL());
            var devices = context.Devices.Where(static d => d is CudaDevice or CLDevice).ToList();
            var facts = devices.ConvertAll(Facts);
            var choice = DeviceChoice.Of(preference, facts);
            if (choice.Device < 0)
            {
                context.Dispose();
                return Cpu(choice.Reason, degraded);
            }
            var device = new GpuDevice(context, devices[choice.Device]);
            return new ComputeBackend(context, device, facts[choice.Device].Kind == DeviceKind.Cuda ? "cuda" : "opencl", device.Name, choice.Reason, degraded);
        }
        catch (Exception problem) when (problem is not (DeviceUnavailableException or OutOfMemoryException))
        {
            // Whatever a driver throws while it is looked at: it is somebody else's code, and without it there is still the CPU.
            context?.Dispose();
            var reason = $"the device could not be opened: {problem.Message}";
            return preference == DevicePreference.Gpu ? throw new DeviceUnavailableException(reason, problem) : Cpu(reason, degraded);
        }
        catch (DeviceUnavailableException)
        {
            context?.Dispose();
            throw;
        }
    }

    /// <summary>An empty table of edge sums for one trainer, who disposes it if it can be disposed.</summary>
    public IEdgeAccumulator CreateEdges()
    {
        if (_device is null)
            return new CpuEdgeAccumulator();
        if (_device.IsLost)
        {
            _degraded($"{Name} has failed before.");
            return new CpuEdgeAccumulator();
        }
        try
        {
            return new SpillingEdgeAccumulator(new GpuEdgeAccumulator(_device), _degraded);
        }
        catch (DeviceMemoryException problem)
        {
            _degraded(problem.Message);
            return new CpuEdgeAccumulator();
        }
        catch (AcceleratorException problem)
        {
            _device.MarkLost();
            _degraded($"{Name} failed: {problem.Message}");
            return new CpuEdgeAccumulator();
        }
    }

    /// <summary>Dispose the tables first.</summary>
    public void Dispose()
    {
        _device?.Dispose();
        _context?.Dispose();
    }

    private static ComputeBackend Cpu(string reason, Action<string> degraded) =>
        new(null, null, "cpu", $"{Environment.ProcessorCount} processors", reason, degraded);

    private static DeviceFacts Facts(Device device) => device is CLDevice cl
        ? new(DeviceKind.OpenCl, cl.Name, cl.MemorySize, cl.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_GPU), cl.Capabilities.Int64_Atomics)
        : new(DeviceKind.Cuda, device.Name, device.MemorySize, IsGpu: true, HasLongAtomics: true);
}
