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
/// <param name="Edges">Edges with statistics.</param>
internal readonly record struct ItemSums(
    Int128 Size, Int128 Squares, Int128 Mean, Int128 Affinity, Int128 MeanMean, Int128 MeanAffinity, Int128 AffinityAffinity,
    Int128 Leaning, Int128 LeaningMean, Int128 LeaningAffinity, int Edges)
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
        double m = edge.Reward / edge.Weight, x = edge.Affinity / edge.Weight, h = 1 / (1 / n + spread);
        return new ItemSums(
            Fixed(n), Fixed(n * n), Fixed(n * m), Fixed(n * x), Fixed(n * m * m), Fixed(n * m * x), Fixed(n * x * x),
            Fixed(h), Fixed(h * m), Fixed(h * x), 1);
    }

    public static ItemSums operator +(in ItemSums a, in ItemSums b) => new(
        a.Size + b.Size, a.Squares + b.Squares, a.Mean + b.Mean, a.Affinity + b.Affinity, a.MeanMean + b.MeanMean,
        a.MeanAffinity + b.MeanAffinity, a.AffinityAffinity + b.AffinityAffinity, a.Leaning + b.Leaning, a.LeaningMean + b.LeaningMean,
        a.LeaningAffinity + b.LeaningAffinity, a.Edges + b.Edges);

    public static ItemSums operator -(in ItemSums a, in ItemSums b) => new(
        a.Size - b.Size, a.Squares - b.Squares, a.Mean - b.Mean, a.Affinity - b.Affinity, a.MeanMean - b.MeanMean,
        a.MeanAffinity - b.MeanAffinity, a.AffinityAffinity - b.AffinityAffinity, a.Leaning - b.Leaning, a.LeaningMean - b.LeaningMean,
        a.LeaningAffinity - b.LeaningAffinity, a.Edges - b.Edges);

    /// <summary>A number in units of fixed point.</summary>
    public static Int128 Fixed(double value) => (Int128)Math.Round(value * Scale);

    /// <summary>A number out of fixed point.</summary>
    public static double Of(Int128 value) => (double)value / Scale;
}

/// <summary>
/// What all items say together: sums over the items of functions of each, in fixed point for the same reason. N, M, X stand for the sums of n, n·m and n·x over the
/// edges of an item, and φ = d0/(N + d0), so that φ·N, the weight of an item in the regression, is never above d0.
/// </summary>
internal readonly record struct CatalogueSums
{
    /// <summary>Items with statistics.</summary>
    public long Items { get; init; }

    /// <summary>Their edges.</summary>
    public long Edges { get; init; }

    /// <summary>Σ N, Σ N², Σ q, Σ q/N with q = Σ n² over the edges of an item.</summary>
    public Int128 Size { get; init; }

    public Int128 SizeSquares { get; init; }

    public Int128 Squares { get; init; }

    public Int128 SquaresPerSize { get; init; }

    /// <summary>Within items: Σ (Σ n·m² − M²/N) and the like for m·x and x².</summary>
    public Int128 WithinMeans { get; init; }

    public Int128 WithinBoth { get; init; }

    public Int128 WithinAffinities { get; init; }

    /// <summary>Between items: Σ M, Σ X, Σ M²/N, Σ M·X/N, Σ X²/N.</summary>
    public Int128 Mean { get; init; }

    public Int128 Affinity { get; init; }

    public Int128 BetweenMeans { get; init; }

    public Int128 BetweenBoth { get; init; }

    public Int128 BetweenAffinities { get; init; }

    /// <summary>Regression of rewards on affinities: Σ φ·N, Σ φ·M, Σ φ·X, Σ φ·(Σ n·m·x), Σ φ·(Σ n·x²).</summary>
    public Int128 Regression { get; init; }

    public Int128 RegressionMean { get; init; }

    public Int128 RegressionAffinity { get; init; }

    public Int128 RegressionBoth { get; init; }

    public Int128 RegressionAffinities { get; init; }

    /// <summary>What one item contributes.</summary>
    public static CatalogueSums Of(in ItemSums item, double priorWeight)
    {
        if (item.Edges == 0 || item.Size <= 0)
            return default;
        double n = ItemSums.Of(item.Size), q = ItemSums.Of(item.Squares), m = ItemSums.Of(item.Mean), x = ItemSums.Of(item.Affinity);
        double mm = ItemSums.Of(item.MeanMean), mx = ItemSums.Of(item.MeanAffinity), xx = ItemSums.Of(item.AffinityAffinity);
        var share = priorWeight / (n + priorWeight);
        return new CatalogueSums
        {
            Items = 1,
            Edges = item.Edges,
            Size = item.Size,
            SizeSquares = ItemSums.Fixed(n * n),
            Squares = item.Squares,
            SquaresPerSize = ItemSums.Fixed(q / n),
            WithinMeans = ItemSums.Fixed(mm - m * m / n),
            WithinBoth = ItemSums.Fixed(mx - m * x / n),
            WithinAffinities = ItemSums.Fixed(xx - x * x / n),
            Mean = item.Mean,
            Affinity = item.Affinity,
            BetweenMeans = ItemSums.Fixed(m * m / n),
            BetweenBoth = ItemSums.Fixed(m * x / n),
            BetweenAffinities = ItemSums.Fixed(x * x / n),
            Regression = ItemSums.Fixed(share * n),
            RegressionMean = ItemSums.Fixed(share * m),
            RegressionAffinity = ItemSums.Fixed(share * x),
            RegressionBoth = ItemSums.Fixed(share * mx),
            RegressionAffinities = ItemSums.Fixed(share * xx),
        };
    }

    public static CatalogueSums operator +(in CatalogueSums a, in CatalogueSums b) => Combine(a, b, 1);

    public static CatalogueSums operator -(in CatalogueSums a, in CatalogueSums b) => Combine(a, b, -1);

    private static CatalogueSums Combine(in CatalogueSums a, in CatalogueSums b, int sign) => new()
    {
        Items = a.Items + sign * b.Items,
        Edges = a.Edges + sign * b.Edges,
        Size = a.Size + sign * b.Size,
        SizeSquares = a.SizeSquares + sign * b.SizeSquares,
        Squares = a.Squares + sign * b.Squares,
        SquaresPerSize = a.SquaresPerSize + sign * b.SquaresPerSize,
        WithinMeans = a.WithinMeans + sign * b.WithinMeans,
        WithinBoth = a.WithinBoth + sign * b.WithinBoth,
        WithinAffinities = a.WithinAffinities + sign * b.WithinAffinities,
        Mean = a.Mean + sign * b.Mean,
        Affinity = a.Affinity + sign * b.Affinity,
        BetweenMeans = a.BetweenMeans + sign * b.BetweenMeans,
        BetweenBoth = a.BetweenBoth + sign * b.BetweenBoth,
        BetweenAffinities = a.BetweenAffinities + sign * b.BetweenAffinities,
        Regression = a.Regression + sign * b.Regression,
        RegressionMean = a.RegressionMean + sign * b.RegressionMean,
        RegressionAffinity = a.RegressionAffinity + sign * b.RegressionAffinity,
        RegressionBoth = a.RegressionBoth + sign * b.RegressionBoth,
        RegressionAffinities = a.RegressionAffinities + sign * b.RegressionAffinities,
    };
}
