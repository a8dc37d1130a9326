namespace Recsys.Api.Catalogue;

/// <summary>What becomes of an item that no cluster ranks.</summary>
public enum NewcomerVerdict
{
    /// <summary>It is proposed in its turn.</summary>
    Stays,

    /// <summary>It has earned a place among the ranked items of its clusters.</summary>
    Graduates,

    /// <summary>It is proposed no more, until another graph has a place for it.</summary>
    Retires,
}

/// <summary>
/// When a newcomer leaves its turns: with enough interactions it is judged by what it earned, and without them by its age. Exploring an item is an investment with an
/// end (Online Matching calls for removal and graduation, and leaves them open; arXiv 2307.15893).
/// </summary>
public static class Graduation
{
    /// <summary>Decides. A function of its arguments.</summary>
    /// <param name="age">Since it could be proposed first; negative before.</param>
    /// <param name="newcomerFor">How long it may be a newcomer.</param>
    /// <param name="interactions">Learned about it.</param>
    /// <param name="graduateAfter">Interactions after which it is judged, at least 1.</param>
    /// <param name="mean">Its estimated mean reward, or null where nothing is known.</param>
    /// <param name="median">Of the estimated mean rewards of the items that its cluster ranks, or null where nothing is known of any: then there is nobody to be worse than.</param>
    public static NewcomerVerdict Decide(TimeSpan age, TimeSpan newcomerFor, long interactions, int graduateAfter, double? mean, double? median)
    {
        if (interactions >= graduateAfter && mean is { } earned)
            return median is null || earned >= median ? NewcomerVerdict.Graduates : NewcomerVerdict.Retires;
        return age >= newcomerFor ? NewcomerVerdict.Retires : NewcomerVerdict.Stays;
    }

    /// <summary>The middle value, of an even number the mean of the two; null of none. Sorts its argument.</summary>
    public static double? Median(Span<float> values)
    {
        if (values.IsEmpty)
            return null;
        values.Sort();
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + (double)values[middle]) / 2;
    }
}
