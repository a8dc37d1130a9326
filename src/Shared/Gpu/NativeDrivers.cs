using System.Runtime.InteropServices;
using ILGPU;

namespace Recsys.Gpu;

/// <summary>The drivers' libraries on this machine.</summary>
internal static class NativeDrivers
{
    private static readonly Lock Once = new();
    private static bool _resolving;

    /// <summary>Whether a driver of any kind is installed. Asked before ILGPU is loaded, so that a machine without one does not pay for it.</summary>
    public static bool AnyInstalled => Load(Cuda) != 0 || Load(OpenCl) != 0;

    private static string[] Cuda => OperatingSystem.IsWindows() ? ["nvcuda"] : ["libcuda.so.1", "libcuda.so"];

    private static string[] OpenCl => OperatingSystem.IsWindows() ? ["OpenCL"] : ["libOpenCL.so.1", "libOpenCL.so"];

    /// <summary>Lets ILGPU find the libraries of a driver without its developer package: it asks for the unversioned names only.</summary>
    public static void Resolve()
    {
        lock (Once)
        {
            // Under WSL ILGPU has a resolver of its own, and an assembly takes only one.
            if (_resolving || !OperatingSystem.IsLinux() || Directory.Exists("/usr/lib/wsl"))
                return;
            _resolving = true;
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, static (name, _, _) => name switch
            {
                "cuda" => Load(Cuda),
                "OpenCL" => Load(OpenCl),
                _ => 0,
            });
        }
    }

    private static nint Load(string[] names)
    {
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, out var library))
                return library;
        }
        return 0;
    }
}
