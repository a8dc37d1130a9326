namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What the edges of one item say together: sums over its edges of functions of each edge, in fixed point so that an edge can be taken out and put back changed
/// without a trace. With n the effective size of an edge, m = b/s its average reward, x its average affinity, h = 1/(1/n + ρ).
/// </summary>
/// <param name="Size">Σ n.</param>
/// <param name="Squares">Σ n².</param>
/// <param name="Mean">Σ n·m.</param>
/// <param name="Affinity">Σ n·x.</param>
/// <param name="MeanMean">Σ n·m².</param>
/// <param name="MeanAffinity">Σ n·m·x.</param>
/// <param name="AffinityAffinity">Σ n·x².</param>
/// <param name="Leaning">Σ h.</param>
/// <param name="LeaningMean">Σ h·m.</param>
/// <param name="LeaningAffinity">Σ h·x.</param>
/// <param name="LeaningBoth">Σ h·m·x.</param>
/// <param name="LeaningAffinities">Σ h·x².</param>
/// <param name="Edges">Edges with statistics.</param>
internal readonly record struct ItemSums(
    Int128 Size, Int128 Squares, Int128 Mean, Int128 Affinity, Int128 MeanMean, Int128 MeanAffinity, Int128 AffinityAffinity,
    Int128 Leaning, Int128 LeaningMean, Int128 LeaningAffinity, Int128 LeaningBoth, Int128 LeaningAffinities, int Edges)
{
    /// <summary>Units of fixed point.</summary>
    public const double Scale = 1 << 24;

    /// <summary>What one edge contributes.</summary>
    /// <param name="edge">The edge.</param>
    /// <param name="spread">ρ: variance between the edges of an item, in units of the variance of one reward.</param>
    public static ItemSums Of(in EdgeView edge, double spread)
    {
        var n = edge.Size;
        if (!(n > 0))
            return default;
        double m = edge.Reward / edge.Weight, x = edge.Affinity / edge.Weight, h = LeaningOf(n, spread);
        return new ItemSums(
            Fixed(n), Fixed(n * n), Fixed(n * m), Fixed(n * x), Fixed(n * m * m), Fixed(n * m * x), Fixed(n * x * x),
            Fixed(h), Fixed(h * m), Fixed(h * x), Fixed(h * m * x), Fixed(h * x * x), 1);
    }

    /// <summary>h: what an edge weighs in its item, 0 for one that has seen nothing.</summary>
    public static double LeaningOf(double size, double spread) => size > 0 ? 1 / (1 / size + spread) : 0;

    public static ItemSums operator +(in ItemSums a, in ItemSums b) => new(
        a.Size + b.Size, a.Squares + b.Squares, a.Mean + b.Mean, a.Affinity + b.Affinity, a.MeanMean + b.MeanMean,
        a.MeanAffinity + b.MeanAffinity, a.AffinityAffinity + b.AffinityAffinity, a.Leaning + b.Leaning, a.LeaningMean + b.LeaningMean,
        a.LeaningAffinity + b.LeaningAffinity, a.LeaningBoth + b.LeaningBoth, a.LeaningAffinities + b.LeaningAffinities, a.Edges + b.Edges);

    public static ItemSums operator -(in ItemSums a, in ItemSums b) => new(
        a.Size - b.Size, a.Squares - b.Squares, a.Mean - b.Mean, a.Affinity - b.Affinity, a.MeanMean - b.MeanMean,
        a.MeanAffinity - b.MeanAffinity, a.AffinityAffinity - b.AffinityAffinity, a.Leaning - b.Leaning, a.LeaningMean - b.LeaningMean,
        a.LeaningAffinity - b.LeaningAffinity, a.LeaningBoth - b.LeaningBoth, a.LeaningAffinities - b.LeaningAffinities, a.Edges - b.Edges);

    /// <summary>A number in units of fixed point.</summary>
    public static Int128 Fixed(double value) => (Int128)Math.Round(value * Scale);

    /// <summary>A number out of fixed point.</summary>
    public static double Of(Int128 value) => (double)value / Scale;
}

/// <summary>What serving reads of <see cref="ItemSums"/>, as floating point: Σ h, Σ h·m and Σ h·x.</summary>
internal readonly record struct ItemEvidence(double Leaning, double Mean, double Affinity)
{
    public static ItemEvidence Of(in ItemSums item) => new(ItemSums.Of(item.Leaning), ItemSums.Of(item.LeaningMean), ItemSums.Of(item.LeaningAffinity));
}

/// <summary>
/// What all items say together: sums over the items of functions of each, in fixed point for the same reason. For the spread of items there is one set of sums for each value of a
/// grid, <see cref="SpreadSums"/>.
/// </summary>
internal sealed class CatalogueSums
{
    /// <summary>Spreads τ between items, in units of the variance of one reward, among which the sums can tell.</summary>
    public static ReadOnlySpan<double> Spreads => [1.0 / 4096, 1.0 / 1024, 1.0 / 256, 1.0 / 64, 1.0 / 16, 1.0 / 4, 1, 4];

    private readonly SpreadSums[] _spreads;

    /// <summary>No items.</summary>
    public CatalogueSums() => _spreads = new SpreadSums[Spreads.Length];

    private CatalogueSums(CatalogueSums from)
    {
        _spreads = [.. from._spreads];
        Within = from.Within;
    }

    /// <summary>What edges say within their items.</summary>
    public WithinSums Within { get; private set; }

    /// <summary>What items say, if they lie so far apart.</summary>
    public ReadOnlySpan<SpreadSums> BySpread => _spreads;

    /// <summary>A copy to change.</summary>
    public CatalogueSums Copy() => new(this);

    /// <summary>Adds an item, or takes it out.</summary>
    /// <param name="item">What its edges say.</param>
    /// <param name="sign">1 or -1.</param>
    public void Add(in ItemSums item, int sign)
    {
        if (item.Edges == 0 || item.Size <= 0 || item.Leaning <= 0)
            return;
        Within = Within.Plus(WithinSums.Of(item), sign);
        for (var k = 0; k < _spreads.Length; k++)
            _spreads[k] = _spreads[k].Plus(SpreadSums.Of(item, Spreads[k]), sign);
    }
}

/// <summary>Within items, with N, M, X the sums of n, n·m and n·x over the edges of an item.</summary>
/// <param name="Items">Items with statistics.</param>
/// <param name="Edges">Their edges.</param>
/// <param name="Size">Σ N.</param>
/// <param name="SquaresPerSize">Σ (Σ n²)/N.</param>
/// <param name="Means">Σ (Σ n·m² − M²/N).</param>
/// <param name="Both">Σ (Σ n·m·x − M·X/N).</param>
/// <param name="Affinities">Σ (Σ n·x² − X²/N).</param>
/// <param name="LeaningBoth">As Both, every edge weighing h: what it says of the slope once edges are known to differ.</param>
/// <param name="LeaningAffinities">As Affinities, every edge weighing h.</param>
internal readonly record struct WithinSums(
    long Items, long Edges, Int128 Size, Int128 SquaresPerSize, Int128 Means, Int128 Both, Int128 Affinities, Int128 LeaningBoth, Int128 LeaningAffinities)
{
    public static WithinSums Of(in ItemSums item)
    {
        double n = ItemSums.Of(item.Size), m = ItemSums.Of(item.Mean), x = ItemSums.Of(item.Affinity);
        double h = ItemSums.Of(item.Leaning), hm = ItemSums.Of(item.LeaningMean), hx = ItemSums.Of(item.LeaningAffinity);
        return new WithinSums(
            1, item.Edges, item.Size, ItemSums.Fixed(ItemSums.Of(item.Squares) / n),
            item.MeanMean - ItemSums.Fixed(m * m / n), item.MeanAffinity - ItemSums.Fixed(m * x / n), item.AffinityAffinity - ItemSums.Fixed(x * x / n),
            item.LeaningBoth - ItemSums.Fixed(hm * hx / h), item.LeaningAffinities - ItemSums.Fixed(hx * hx / h));
    }

    public WithinSums Plus(in WithinSums other, int sign) => new(
        Items + sign * other.Items, Edges + sign * other.Edges, Size + sign * other.Size, SquaresPerSize + sign * other.SquaresPerSize,
        Means + sign * other.Means, Both + sign * other.Both, Affinities + sign * other.Affinities,
        LeaningBoth + sign * other.LeaningBoth, LeaningAffinities + sign * other.LeaningAffinities);
}

/// <summary>
/// Between items, if they lie √τ apart: each weighs ω = 1/(τ + 1/Σh), the certainty of its average; M = Σ h·m/Σh, X = Σ h·x/Σh. Enough for generalised least squares and for the likelihood of τ.
/// </summary>
/// <param name="Weight">Σ ω.</param>
/// <param name="Mean">Σ ω·M.</param>
/// <param name="Affinity">Σ ω·X.</param>
/// <param name="MeanMean">Σ ω·M².</param>
/// <param name="MeanAffinity">Σ ω·M·X.</param>
/// <param name="AffinityAffinity">Σ ω·X².</param>
/// <param name="LogWeight">Σ ln ω.</param>
internal readonly record struct SpreadSums(
    Int128 Weight, Int128 Mean, Int128 Affinity, Int128 MeanMean, Int128 MeanAffinity, Int128 AffinityAffinity, Int128 LogWeight)
{
    public static SpreadSums Of(in ItemSums item, double spread)
    {
        var h = ItemSums.Of(item.Leaning);
        double m = ItemSums.Of(item.LeaningMean) / h, x = ItemSums.Of(item.LeaningAffinity) / h, w = 1 / (spread + 1 / h);
        return new SpreadSums(
            ItemSums.Fixed(w), ItemSums.Fixed(w * m), ItemSums.Fixed(w * x), ItemSums.Fixed(w * m * m), ItemSums.Fixed(w * m * x), ItemSums.Fixed(w * x * x),
            ItemSums.Fixed(Math.Log(w)));
    }

    public SpreadSums Plus(in SpreadSums other, int sign) => new(
        Weight + sign * other.Weight, Mean + sign * other.Mean, Affinity + sign * other.Affinity, MeanMean + sign * other.MeanMean,
        MeanAffinity + sign * other.MeanAffinity, AffinityAffinity + sign * other.AffinityAffinity, LogWeight + sign * other.LogWeight);
}
