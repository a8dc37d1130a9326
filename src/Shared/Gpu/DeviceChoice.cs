namespace Recsys.Gpu;

/// <summary>What the configuration asks for.</summary>
public enum DevicePreference
{
    /// <summary>A GPU when there is a usable one, else the CPU.</summary>
    Auto,

    /// <summary>The CPU; nothing is looked for.</summary>
    Cpu,

    /// <summary>A GPU; without a usable one the process does not start.</summary>
    Gpu,
}

/// <summary>How a device is spoken to.</summary>
public enum DeviceKind
{
    /// <summary>NVIDIA's driver.</summary>
    Cuda,

    /// <summary>Any vendor's OpenCL.</summary>
    OpenCl,
}

/// <summary>What is known of a device before it is opened.</summary>
/// <param name="Kind">How it is spoken to.</param>
/// <param name="Name">As its driver says.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="IsGpu">False for an OpenCL driver that computes on the CPU, where plain code is several times as fast.</param>
/// <param name="HasLongAtomics">Whether it adds 64-bit integers atomically, which the sums need.</param>
public sealed record DeviceFacts(DeviceKind Kind, string Name, long MemoryBytes, bool IsGpu, bool HasLongAtomics)
{
    /// <summary>Why it cannot be used, or null when it can.</summary>
    public string? Unfit => !IsGpu ? "no GPU" : !HasLongAtomics ? "no 64-bit atomic addition" : null;
}

/// <summary>Where to compute, and why.</summary>
/// <param name="Device">Index of the device, or -1 for the CPU.</param>
/// <param name="Reason">One clause for the log.</param>
public readonly record struct DeviceChoice(int Device, string Reason)
{
    /// <summary>Decides. Pure.</summary>
    /// <param name="preference">What is asked for.</param>
    /// <param name="devices">What there is; CUDA is preferred to OpenCL, then more memory to less, then the one listed first.</param>
    /// <exception cref="DeviceUnavailableException">A GPU is asked for and none can be used.</exception>
    public static DeviceChoice Of(DevicePreference preference, IReadOnlyList<DeviceFacts> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        if (preference == DevicePreference.Cpu)
            return new(-1, "the configuration asks for it");
        var best = -1;
        for (var i = 0; i < devices.Count; i++)
        {
            if (devices[i].Unfit is null && (best < 0 || IsBetter(devices[i], devices[best])))
                best = i;
        }
        if (best >= 0)
            return new(best, preference == DevicePreference.Gpu ? "the configuration asks for a GPU" : "a GPU is present");
        var found = devices.Count == 0
            ? "no CUDA or OpenCL device was found"
            : "no device found can be used: " + string.Join(", ", devices.Select(static d => $"{d.Name} ({d.Unfit})"));
        return preference == DevicePreference.Gpu ? throw new DeviceUnavailableException(found) : new(-1, found);
    }

    private static bool IsBetter(DeviceFacts one, DeviceFacts other) =>
        one.Kind != other.Kind ? one.Kind < other.Kind : one.MemoryBytes > other.MemoryBytes;
}

/// <summary>A GPU was asked for and none can be used.</summary>
/// <param name="reason">One clause that says why.</param>
/// <param name="inner">What the driver said, if it was asked.</param>
public sealed class DeviceUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);
