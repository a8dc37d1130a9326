using Xunit;

namespace Recsys.Gpu.Tests;

public sealed class DeviceChoiceTests
{
    private static readonly DeviceFacts Small = new(DeviceKind.Cuda, "small", 1 << 30, true, true);
    private static readonly DeviceFacts Large = new(DeviceKind.Cuda, "large", 1L << 34, true, true);
    private static readonly DeviceFacts Open = new(DeviceKind.OpenCl, "open", 1L << 36, true, true);
    private static readonly DeviceFacts Emulator = new(DeviceKind.OpenCl, "emulator", 1L << 40, false, true);
    private static readonly DeviceFacts Old = new(DeviceKind.OpenCl, "old", 1L << 40, true, false);

    public static TheoryData<DevicePreference, DeviceFacts[], int> Choices => new()
    {
        { DevicePreference.Auto, [], -1 },
        { DevicePreference.Auto, [Emulator, Old], -1 },
        { DevicePreference.Auto, [Open, Small, Large], 2 },
        { DevicePreference.Auto, [Emulator, Open], 1 },
        { DevicePreference.Auto, [Large, Large], 0 },
        { DevicePreference.Gpu, [Old, Small], 1 },
        { DevicePreference.Cpu, [Large], -1 },
    };

    [Theory]
    [MemberData(nameof(Choices))]
    public void Prefers_cuda_then_memory_then_the_first_and_takes_only_what_fits(DevicePreference preference, DeviceFacts[] devices, int expected) =>
        Assert.Equal(expected, DeviceChoice.Of(preference, devices).Device);

    [Fact]
    public void Says_why()
    {
        Assert.Equal("the configuration asks for it", DeviceChoice.Of(DevicePreference.Cpu, [Large]).Reason);
        Assert.Equal("no CUDA or OpenCL device was found", DeviceChoice.Of(DevicePreference.Auto, []).Reason);
        Assert.Equal(
            "no device found can be used: emulator (no GPU), old (no 64-bit atomic addition)", DeviceChoice.Of(DevicePreference.Auto, [Emulator, Old]).Reason);
    }

    [Fact]
    public void A_gpu_that_is_asked_for_and_missing_is_an_error_with_the_reason()
    {
        Assert.Contains("was found", Assert.Throws<DeviceUnavailableException>(static () => DeviceChoice.Of(DevicePreference.Gpu, [])).Message, StringComparison.Ordinal);
        Assert.Contains("emulator", Assert.Throws<DeviceUnavailableException>(static () => DeviceChoice.Of(DevicePreference.Gpu, [Emulator])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_backend_on_the_cpu_is_plain_code()
    {
        using var backend = ComputeBackend.Open(DevicePreference.Cpu, static _ => { });
        Assert.Equal("cpu", backend.Kind);
        Assert.IsType<Bandits.Policies.DiagLinUcb.CpuEdgeAccumulator>(backend.CreateEdges());
    }

    [Fact]
    public void The_backend_finds_a_gpu_or_says_why_not()
    {
        using var backend = ComputeBackend.Open(DevicePreference.Auto, static _ => { });
        Assert.Contains(backend.Kind, (string[])["cpu", "cuda", "opencl"]);
        Assert.NotEmpty(backend.Reason);
        Assert.NotEmpty(backend.Name);
        if (backend.Kind == "cpu")
            Assert.Throws<DeviceUnavailableException>(static () => ComputeBackend.Open(DevicePreference.Gpu, static _ => { }));
    }
}
