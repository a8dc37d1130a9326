namespace Recsys.Learner.Simulation.Stream;

/// <summary>
/// The items of the last rows, from which the item that was not chosen is drawn: with probability proportional to the number of its rows there to the power ¾, as
/// word2vec draws negatives (Mikolov et al. 2013, arXiv 1310.4546, section 2.2). Between the two that make the task trivial: drawn evenly, popularity alone would tell
/// chosen from drawn; drawn by popularity, popularity would tell nothing, and an item that everybody wants now could not be learned.
/// </summary>
/// <param name="items">Distinct items of the whole stream.</param>
/// <param name="window">Rows that count, at least 1.</param>
public sealed class RecentItems(int items, int window)
{
    private const double Exponent = 0.75;
    private readonly int[] _ring = new int[window];
    private readonly int[] _counts = new int[items];
    private int _next;
    private int _rows;
    private int _distinct;

    /// <summary>Adds the item of a row; the oldest leaves when the window is full.</summary>
    public void Add(int item)
    {
        if (_rows == _ring.Length)
            _distinct -= --_counts[_ring[_next]] == 0 ? 1 : 0;
        else
            _rows++;
        _ring[_next] = item;
        _distinct += _counts[item]++ == 0 ? 1 : 0;
        _next = (_next + 1) % _ring.Length;
    }

    /// <summary>Draws an item other than the chosen one.</summary>
    /// <returns>False when no other is in the window.</returns>
    /// <remarks>
    /// Rejection: an even draw among the rows gives an item in proportion to its rows n, and keeping it with probability n^(¾ − 1) leaves n^¾. While there is another item
    /// at all, a draw is kept with probability of at least 1 / window, so the expected number of draws is at most the window, and a handful as a rule.
    /// </remarks>
    public bool TryDraw(SeededRandom random, int chosen, out int drawn)
    {
        ArgumentNullException.ThrowIfNull(random);
        drawn = -1;
        if (_distinct - (_counts[chosen] > 0 ? 1 : 0) == 0)
            return false;
        do
            drawn = _ring[random.NextInteger(_rows)];
        while (drawn == chosen || random.NextUniform() >= Math.Pow(_counts[drawn], Exponent - 1));
        return true;
    }
}
