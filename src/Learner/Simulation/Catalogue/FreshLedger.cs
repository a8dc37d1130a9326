namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What became of the items that arrived during the run. Times are medians over items; an item to which it never happened counts as later than any other.</summary>
/// <param name="Items">Fresh items.</param>
/// <param name="Shown">Share of them that were shown at all.</param>
/// <param name="RoundsToShow">Median rounds from arrival to the first show; null when fewer than half were shown.</param>
/// <param name="CandidaciesToShow">Median number of times that an item was a candidate until it was first shown, that time included; null as above.</param>
/// <param name="Good">Fresh items that were the best candidate of at least <see cref="FreshLedger.GoodFrom"/> rounds.</param>
/// <param name="Found">Share of the good that were found: shown at least half as often since their arrival as the best choice would have shown them.</param>
/// <param name="RoundsToFind">Median rounds from arrival until a good item was found; null when fewer than half were, or none is good.</param>
public sealed record FreshOutcome(
    int Items, double Shown, double? RoundsToShow, double? CandidaciesToShow, int Good, double? Found, double? RoundsToFind);

/// <summary>Watches the fresh items of a run.</summary>
public sealed class FreshLedger(FreshSchedule schedule)
{
    /// <summary>An item that is the best candidate of so many rounds after its arrival is one that should be found.</summary>
    public const int GoodFrom = 10;

    // Fewer would call an item found because a single trial happened to come before the second time that it was the best.
    private const int FoundFrom = 5;

    private readonly Sighting[] _items = new Sighting[schedule.Count];

    /// <summary>Notes a round.</summary>
    /// <param name="round">Counted from 0.</param>
    /// <param name="visitor">Candidates and what is hidden.</param>
    /// <param name="chosen">Place of the shown candidate.</param>
    public void Add(long round, CatalogueVisitor visitor, int chosen)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        if (_items.Length == 0)
            return;
        var best = Array.IndexOf(visitor.Probabilities, visitor.Best);
        for (var j = 0; j < visitor.Candidates.Length; j++)
        {
            if (schedule.PlaceOf(visitor.Candidates[j].Key) is var place && place < 0)
                continue;
            ref var item = ref _items[place];
            var age = round - schedule.ArrivalOf(place);
            item.Candidacies++;
            if (j == chosen && item.Shown++ == 0)
                (item.FirstShow, item.FirstCandidacy) = (age, item.Candidacies);
            if (j == best)
                item.Best++;
            if (item.Found is null && item.Best >= FoundFrom && 2 * item.Shown >= item.Best)
                item.Found = age;
        }
    }

    /// <summary>What became of them; null where nothing was fresh.</summary>
    public FreshOutcome? Outcome()
    {
        if (_items.Length == 0)
            return null;
        var good = Array.FindAll(_items, static item => item.Best >= GoodFrom);
        return new FreshOutcome(
            _items.Length,
            _items.Count(static item => item.Shown > 0) / (double)_items.Length,
            Median(_items, static item => item.Shown > 0 ? item.FirstShow : null),
            Median(_items, static item => item.Shown > 0 ? item.FirstCandidacy : null),
            good.Length,
            good.Length > 0 ? good.Count(static item => item.Found is not null) / (double)good.Length : null,
            Median(good, static item => item.Found));
    }

    private static double? Median(Sighting[] items, Func<Sighting, long?> of)
    {
        var sorted = items.Select(item => of(item) ?? double.PositiveInfinity).Order().ToArray();
        if (sorted.Length == 0)
            return null;
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return double.IsFinite(median) ? median : null;
    }

    private struct Sighting
    {
        public long Candidacies, Shown, Best, FirstShow, FirstCandidacy;
        public long? Found;
    }
}
