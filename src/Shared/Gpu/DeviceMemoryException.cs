namespace Recsys.Gpu;

/// <summary>A table does not fit into the memory of the device. Nothing was changed: what the table held can still be read.</summary>
/// <param name="message">How much was asked for, and how much there is.</param>
/// <param name="inner">What the driver said, if it refused.</param>
public sealed class DeviceMemoryException(string message, Exception? inner = null) : Exception(message, inner);
