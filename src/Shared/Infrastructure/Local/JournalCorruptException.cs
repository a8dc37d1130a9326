namespace Recsys.Infrastructure.Local;

/// <summary>A record that had been made durable can no longer be read. The message names file, byte and record; nothing is changed on disk.</summary>
public sealed class JournalCorruptException : Exception
{
    /// <summary>Says where the damage is.</summary>
    public JournalCorruptException(string message) : base(message) { }

    /// <summary>Says where the damage is and what revealed it.</summary>
    public JournalCorruptException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructors with a message.</summary>
    public JournalCorruptException() { }

    internal static JournalCorruptException At(SegmentScanner scanner) => new(
        $"Journal segment '{scanner.Path}' is damaged at byte {scanner.Position} (record {scanner.Offset}): {scanner.Problem}. Restore the file from a copy, or "
        + "cut it off at that byte and lose what follows.");
}
