namespace Recsys.Learner.Graph;

/// <summary>What was asked for cannot be built from what was given; the message is one line that says why. Nothing was written.</summary>
public sealed class GraphBuildException : Exception
{
    /// <summary>A problem with this message.</summary>
    public GraphBuildException(string message) : base(message) { }

    /// <summary>A problem with this message and its cause.</summary>
    public GraphBuildException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructors with a message.</summary>
    public GraphBuildException() { }
}
