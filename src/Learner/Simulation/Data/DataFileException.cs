namespace Recsys.Learner.Simulation.Data;

/// <summary>A data file cannot be read as what it should be. The message names the file and, where there is one, the line and the column.</summary>
public sealed class DataFileException : Exception
{
    /// <summary>A problem of the file as a whole.</summary>
    public DataFileException(string path, string problem) : base($"{path}: {problem}") { }

    /// <summary>A problem at one line, 1-based, and column.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">Line of the file at which the record starts, 1-based.</param>
    /// <param name="column">Name of the column, or null when the line as a whole is wrong.</param>
    /// <param name="problem">What is wrong.</param>
    public DataFileException(string path, long line, string? column, string problem)
        : base(column is null ? $"{path}, line {line}: {problem}" : $"{path}, line {line}, column '{column}': {problem}") { }

    /// <summary>Required by the framework; prefer the constructors that name the file.</summary>
    public DataFileException() { }

    /// <summary>Required by the framework; prefer the constructors that name the file.</summary>
    public DataFileException(string message) : base(message) { }

    /// <summary>Required by the framework; prefer the constructors that name the file.</summary>
    public DataFileException(string message, Exception inner) : base(message, inner) { }
}
