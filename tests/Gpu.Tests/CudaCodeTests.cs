using System.Reflection;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using Recsys.Gpu.Kernels;
using Xunit;

namespace Recsys.Gpu.Tests;

/// <summary>What the kernels become on an NVIDIA card, checked without one. This proves that they compile, not that a driver takes them.</summary>
public sealed class CudaCodeTests
{
    [Theory]
    [InlineData("SM_80")]
    [InlineData("SM_90")]
    public void The_scatter_kernel_becomes_one_native_atomic_addition(string architecture)
    {
        var target = (CudaArchitecture)typeof(CudaArchitecture).GetField(architecture, BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;
        using var backend = new PTXBackend(EmulatedDevice.Context, new CudaCapabilityContext(target), target, CudaInstructionSet.ISA_78, nvvmAPI: null);
        var method = typeof(EdgeScatter).GetMethod(nameof(EdgeScatter.Kernel), BindingFlags.Public | BindingFlags.Static)!;
        var code = ((PTXCompiledKernel)backend.Compile(EntryPointDescription.FromImplicitlyGroupedKernel(method), default)).PTXAssembly;
        Assert.Matches(@"(red|atom)\.(global\.)?add\.u64", code);
        // Unresolved calls fail only when the module is loaded; spills to local memory and loops of compare-and-swap are slow.
        Assert.DoesNotContain(".extern", code, StringComparison.Ordinal);
        Assert.DoesNotContain(".local", code, StringComparison.Ordinal);
        Assert.DoesNotContain(".cas.", code, StringComparison.Ordinal);
    }
}
