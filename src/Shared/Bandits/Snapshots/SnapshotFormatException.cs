namespace Recsys.Bandits.Snapshots;

/// <summary>Bytes that are corrupt, cut short, or made for another format, policy or schema. The reader keeps its last good state.</summary>
public class SnapshotFormatException : Exception
{
    /// <summary>Says what is wrong with the bytes.</summary>
    public SnapshotFormatException(string message) : base(message) { }

    /// <summary>Says what is wrong with the bytes and what revealed it.</summary>
    public SnapshotFormatException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructor with a message.</summary>
    public SnapshotFormatException() { }
}

/// <summary>The bytes are well formed, and were learned under another configuration than the reader's.</summary>
public sealed class SnapshotMismatchException : SnapshotFormatException
{
    /// <summary>Says which configurations.</summary>
    public SnapshotMismatchException(string message) : base(message) { }

    /// <summary>Says which configurations and what revealed it.</summary>
    public SnapshotMismatchException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructor with a message.</summary>
    public SnapshotMismatchException() { }
}
