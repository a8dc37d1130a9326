using ILGPU;
using ILGPU.Runtime.CPU;

namespace Recsys.Gpu.Tests;

/// <summary>ILGPU's CPU accelerator: runs the very same kernels, slowly, on any machine. One context for all tests, because ILGPU bears few of them.</summary>
internal static class EmulatedDevice
{
    // Two processors of four threads: enough to interleave, and hundreds of times cheaper than the default sixteen.
    private static readonly Lazy<Context> Shared = new(static () => Context.Create(static b => b.CPU(new CPUDevice(2, 2, 2))));

    public static GpuDevice Open(long memoryMax = 1 << 28) => new(Shared.Value, Shared.Value.GetCPUDevice(0), memoryMax);

    public static Context Context => Shared.Value;
}
