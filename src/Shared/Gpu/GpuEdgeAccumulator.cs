using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Gpu.Kernels;

namespace Recsys.Gpu;

/// <summary>
/// Edge sums in the memory of a device: the same bits as <see cref="CpuEdgeAccumulator"/>, whatever order the device adds in. Adding returns before the device
/// has added; the next call waits for it. Owned by one trainer; the tables of one device take turns.
/// </summary>
/// <remarks>
/// Memory: 40 bytes an edge on the device, three times that while a table doubles, and a staging buffer of 192 KiB on either side that every batch uses again.
/// A table grows within the bound of its <see cref="GpuDevice"/> or not at all. After a failure of the driver the table's contents are lost, the device says so
/// (<see cref="GpuDevice.IsLost"/>), and the trainer goes back to its checkpoint.
/// </remarks>
public sealed class GpuEdgeAccumulator : IEdgeAccumulator, IDisposable
{
    // What the trainer hands over at once; larger batches go in pieces.
    private const int StagedMax = 4096;

    // 40 KiB: smaller tables would only be copied more often.
    private const int EdgesMin = 1024;

    private readonly GpuDevice _device;
    private readonly AcceleratorStream _stream;
    private readonly PageLockedArray1D<long> _staging;
    private readonly MemoryBuffer1D<long, Stride1D.Dense> _deltas;
    private MemoryBuffer1D<long, Stride1D.Dense>? _sums;
    private bool _disposed;

    /// <summary>A table without edges.</summary>
    /// <param name="device">Where; not owned.</param>
    /// <exception cref="DeviceMemoryException">The device is full.</exception>
    public GpuEdgeAccumulator(GpuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
        lock (device.Gate)
        {
            _deltas = device.Allocate(StagedMax * EdgeScatter.DeltaFields);
            _stream = device.CreateStream();
            _staging = device.AllocatePinned(StagedMax * EdgeScatter.DeltaFields);
        }
    }

    /// <summary>Edges that exist.</summary>
    public int Capacity => _sums is null ? 0 : (int)(_sums.Length / EdgeScatter.SumFields);

    /// <inheritdoc/>
    /// <exception cref="DeviceMemoryException">The table does not fit; it is unchanged.</exception>
    public void EnsureCapacity(int edges)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (edges <= Capacity)
            return;
        lock (_device.Gate)
        {
            try
            {
                Grow(edges);
            }
            catch (AcceleratorException)
            {
                _device.MarkLost();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<EdgeDelta> deltas)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CpuEdgeAccumulator.CheckEdges(deltas, Capacity);
        lock (_device.Gate)
        {
            try
            {
                while (!deltas.IsEmpty)
                {
                    var piece = deltas[..Math.Min(StagedMax, deltas.Length)];
                    Scatter(piece);
                    deltas = deltas[piece.Length..];
                }
            }
            catch (AcceleratorException)
            {
                _device.MarkLost();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">More edges are asked for than exist.</exception>
    public void Read(Span<EdgeSums> into)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(into.Length, Capacity, nameof(into));
        if (into.IsEmpty)
            return;
        lock (_device.Gate)
        {
            try
            {
                var fields = MemoryMarshal.Cast<EdgeSums, long>(into);
                _sums!.View.SubView(0, fields.Length).CopyToCPU(_stream, fields);
            }
            catch (AcceleratorException)
            {
                _device.MarkLost();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="DeviceMemoryException">The sums do not fit; the table is unchanged.</exception>
    public void Replace(ReadOnlySpan<EdgeSums> sums)
    {
        EnsureCapacity(sums.Length);
        if (_sums is null)
            return;
        lock (_device.Gate)
        {
            try
            {
                _sums.MemSetToZero(_stream);
                if (!sums.IsEmpty)
                {
                    var fields = MemoryMarshal.Cast<EdgeSums, long>(sums);
                    _sums.View.SubView(0, fields.Length).CopyFromCPU(_stream, fields);
                }
                _stream.Synchronize();
            }
            catch (AcceleratorException)
            {
                _device.MarkLost();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        lock (_device.Gate)
        {
            try
            {
                _staging.Dispose();
                _stream.Dispose();
                _device.Free(_deltas);
                if (_sums is not null)
                    _device.Free(_sums);
            }
            catch (AcceleratorException)
            {
                // A driver that has failed takes nothing back; nobody will ask it for more either.
                _device.MarkLost();
            }
        }
    }

    private void Scatter(ReadOnlySpan<EdgeDelta> piece)
    {
        // The device may still be reading the previous piece.
        _stream.Synchronize();
        EdgeScatter.Stage(piece, _staging.Span);
        var length = piece.Length * EdgeScatter.DeltaFields;
        _deltas.View.AsContiguous().SubView(0, length).CopyFrom(_stream, _staging.ArrayView.SubView(0, length));
        _device.Scatter(_stream, piece.Length * EdgeScatter.SumFields, _deltas.View.AsContiguous(), _sums!.View.AsContiguous());
    }

    private void Grow(int edges)
    {
        var grown = Room(edges);
        try
        {
            grown.MemSetToZero(_stream);
            if (_sums is not null)
                grown.View.SubView(0, _sums.Length).CopyFrom(_stream, _sums.View);
            // Also before the old table goes: its last deltas may still be on their way.
            _stream.Synchronize();
        }
        catch
        {
            _device.Free(grown);
            throw;
        }
        if (_sums is not null)
            _device.Free(_sums);
        _sums = grown;
    }

    // Twice as many, so that growing costs a constant per edge; as many as needed where that does not fit.
    private MemoryBuffer1D<long, Stride1D.Dense> Room(int edges)
    {
        var doubled = Math.Max(Math.Max(edges, EdgesMin), Math.Min(2L * Capacity, int.MaxValue));
        try
        {
            return _device.Allocate(doubled * EdgeScatter.SumFields);
        }
        catch (DeviceMemoryException) when (doubled > edges)
        {
            return _device.Allocate((long)edges * EdgeScatter.SumFields);
        }
    }
}
