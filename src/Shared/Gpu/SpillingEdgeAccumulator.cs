using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Gpu;

/// <summary>
/// Edge sums on a device for as long as they fit, on the CPU from then on: a catalogue that outgrows the card slows learning down and does not stop it. The bits are
/// the same on both sides.
/// </summary>
/// <param name="device">The table on the device; owned.</param>
/// <param name="spilled">Told once, when the table moves; the text says why.</param>
public sealed class SpillingEdgeAccumulator(GpuEdgeAccumulator device, Action<string> spilled) : IEdgeAccumulator, IDisposable
{
    private readonly CpuEdgeAccumulator _cpu = new();

    /// <summary>Whether the table has moved to the CPU.</summary>
    public bool IsSpilled { get; private set; }

    private IEdgeAccumulator Table => IsSpilled ? _cpu : device;

    /// <inheritdoc/>
    public void EnsureCapacity(int edges)
    {
        try
        {
            Table.EnsureCapacity(edges);
        }
        catch (DeviceMemoryException problem)
        {
            var sums = new EdgeSums[device.Capacity];
            device.Read(sums);
            _cpu.Replace(sums);
            Spill(problem);
            _cpu.EnsureCapacity(edges);
        }
    }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<EdgeDelta> deltas) => Table.Add(deltas);

    /// <inheritdoc/>
    public void Read(Span<EdgeSums> into) => Table.Read(into);

    /// <inheritdoc/>
    public void Replace(ReadOnlySpan<EdgeSums> sums)
    {
        try
        {
            Table.Replace(sums);
        }
        catch (DeviceMemoryException problem)
        {
            Spill(problem);
            _cpu.Replace(sums);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => device.Dispose();

    private void Spill(DeviceMemoryException problem)
    {
        IsSpilled = true;
        device.Dispose();
        spilled(problem.Message);
    }
}
