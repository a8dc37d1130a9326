namespace Recsys.Api.Decisions;

/// <summary>What became of a decision; the positions are in the workspace.</summary>
/// <param name="IsDecided">False when there was nothing to choose from.</param>
/// <param name="Policy">Kind of the policy that decided, UTF-8.</param>
/// <param name="PolicyVersion">Interactions that the serving parameters have learned from.</param>
/// <param name="ParameterAgeSeconds">Their age, 0 when there are none.</param>
/// <param name="Fallback">Why the decision was uniform, or null.</param>
/// <param name="IsLogged">Whether the log's queue took the record.</param>
public readonly record struct DecisionOutcome(
    bool IsDecided, ReadOnlyMemory<byte> Policy, long PolicyVersion, double ParameterAgeSeconds, string? Fallback, bool IsLogged);
