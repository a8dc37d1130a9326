namespace Recsys.Learner.Simulation.Stream;

/// <summary>What the columns of a stream are for; every name is one of the header's, spelt as there.</summary>
/// <param name="Label">The column to predict.</param>
/// <param name="Ignored">Columns that nobody may see: what is known only afterwards, or names the answer.</param>
/// <param name="Categorical">Columns that are categories although they look like numbers.</param>
/// <param name="Time">The column of the event time, which then is no feature; null for one second per row.</param>
public sealed record StreamColumns(string Label, IReadOnlyList<string> Ignored, IReadOnlyList<string> Categorical, string? Time = null)
{
    /// <summary>A label and nothing else to say.</summary>
    public StreamColumns(string label) : this(label, [], [])
    {
    }

    /// <summary>Every column that is named, with the option that named it.</summary>
    internal IEnumerable<(string Option, string Column)> Named
    {
        get
        {
            yield return ("--label", Label);
            foreach (var column in Ignored)
                yield return ("--ignore", column);
            foreach (var column in Categorical)
                yield return ("--categorical", column);
            if (Time is not null)
                yield return ("--time", Time);
        }
    }
}
