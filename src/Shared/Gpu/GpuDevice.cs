using ILGPU;
using ILGPU.Runtime;
using Recsys.Gpu.Kernels;

namespace Recsys.Gpu;

/// <summary>
/// An open device: its accelerator, its compiled kernels, and the account of its memory. Every kernel is compiled here, because one failed compilation spoils
/// an ILGPU context for all later ones.
/// </summary>
public sealed class GpuDevice : IDisposable
{
    private readonly Accelerator _accelerator;
    private readonly Lock _account = new();
    private long _used;
    private volatile bool _lost;

    /// <summary>Opens a device.</summary>
    /// <param name="context">Where it was found; not owned.</param>
    /// <param name="device">The device.</param>
    /// <param name="memoryMax">Most bytes that tables may take; null for three quarters of what the device has, since its driver, its display and growing tables
    /// want the rest.</param>
    /// <exception cref="AcceleratorException">The driver refuses.</exception>
    public GpuDevice(Context context, Device device, long? memoryMax = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(device);
        Name = device.Name;
        MemoryMax = memoryMax ?? device.MemorySize / 4 * 3;
        _accelerator = device.CreateAccelerator(context);
        try
        {
            Scatter = _accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<long>, ArrayView<long>>(EdgeScatter.Kernel);
        }
        catch
        {
            _accelerator.Dispose();
            throw;
        }
    }

    /// <summary>As its driver says.</summary>
    public string Name { get; }

    /// <summary>Most bytes that tables may take.</summary>
    public long MemoryMax { get; }

    /// <summary>Bytes that tables take.</summary>
    public long MemoryUsed
    {
        get
        {
            lock (_account)
                return _used;
        }
    }

    /// <summary>Whether the device failed once. What it holds is not to be trusted then, and nothing new is put on it.</summary>
    public bool IsLost => _lost;

    /// <summary>One user at a time: experiments learn on threads of their own, and drivers differ in how much of that they bear.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Launches <see cref="EdgeScatter.Kernel"/>.</summary>
    internal Action<AcceleratorStream, Index1D, ArrayView<long>, ArrayView<long>> Scatter { get; }

    /// <summary>A stream of its own for each table.</summary>
    internal AcceleratorStream CreateStream() => _accelerator.CreateStream();

    /// <summary>Memory of the host that the device reads without a detour.</summary>
    internal PageLockedArray1D<long> AllocatePinned(long length) => _accelerator.AllocatePageLocked1D<long>(length);

    /// <summary>Takes memory within the bound.</summary>
    /// <param name="length">Integers.</param>
    /// <exception cref="DeviceMemoryException">It does not fit.</exception>
    internal MemoryBuffer1D<long, Stride1D.Dense> Allocate(long length)
    {
        var bytes = length * sizeof(long);
        lock (_account)
        {
            if (bytes > MemoryMax - _used)
            {
                throw new DeviceMemoryException(
                    $"{Name} has {MemoryMax} bytes for tables and {_used} are taken; {bytes} more do not fit. Lower 'edgesMax', or learn on the CPU (Training:Device=cpu).");
            }
            _used += bytes;
        }
        try
        {
            return _accelerator.Allocate1D<long>(length);
        }
        catch (AcceleratorException problem)
        {
            Release(bytes);
            throw new DeviceMemoryException($"{Name} has no {bytes} bytes left, although only {MemoryUsed} of {MemoryMax} are taken by tables: {problem.Message}", problem);
        }
    }

    /// <summary>Gives memory back.</summary>
    internal void Free(MemoryBuffer1D<long, Stride1D.Dense> buffer)
    {
        var bytes = buffer.LengthInBytes;
        buffer.Dispose();
        Release(bytes);
    }

    /// <summary>Remembers that the device failed.</summary>
    internal void MarkLost() => _lost = true;

    /// <summary>Dispose the tables first.</summary>
    public void Dispose() => _accelerator.Dispose();

    private void Release(long bytes)
    {
        lock (_account)
            _used -= bytes;
    }
}
