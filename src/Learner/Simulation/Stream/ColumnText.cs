using System.Globalization;
using Recsys.Bandits.Features;
using Recsys.Learner.Simulation.Classification;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>A column while it is read: each distinct text once, a number per row.</summary>
internal sealed class ColumnText(string name)
{
    /// <summary>Whole numbers with more digits than this are names: not even a double tells all of them apart.</summary>
    private const int NumberDigitsMax = 15;

    private readonly Dictionary<string, int> _codes = new(StringComparer.Ordinal);
    private readonly List<int> _rows = [];
    private bool _isText;

    /// <summary>As in the header.</summary>
    public string Name { get; } = name;

    /// <summary>Per row, which text.</summary>
    public IReadOnlyList<int> Codes => _rows;

    /// <summary>The texts, in order of appearance.</summary>
    public List<string> Distinct { get; } = [];

    /// <summary>Whether it is to be taken for numbers: every text is one or missing, none is too long for one, and the name is not that of an id.</summary>
    public bool IsNumeric => !_isText && !IsIdentifier(Name) && !Distinct.TrueForAll(IsMissing);

    /// <summary>Adds the text of the next row.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        if (!_codes.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var code))
        {
            code = Distinct.Count;
            var owned = text.ToString();
            Distinct.Add(owned);
            _codes.Add(owned, code);
            _isText |= !IsMissing(owned) && (!TryNumber(owned, out _) || IsLong(owned));
        }
        _rows.Add(code);
    }

    /// <summary>Hashes of name and text.</summary>
    public CategoricalColumn Categories() => new([.. _rows], [.. Distinct.Select(text => FeatureHash.Of("", Name, text))]);

    /// <summary>The number of every row; a missing one is the mean of those before it, because later ones are not known yet.</summary>
    /// <returns>Null where one is too large for a float.</returns>
    public float[]? Numbers()
    {
        var distinct = Distinct.ConvertAll(text => TryNumber(text, out var number) ? number : double.NaN);
        if (distinct.Exists(static number => !double.IsNaN(number) && !float.IsFinite((float)number)))
            return null;
        var numbers = new float[_rows.Count];
        double sum = 0;
        var count = 0;
        for (var row = 0; row < numbers.Length; row++)
        {
            var number = distinct[_rows[row]];
            if (double.IsNaN(number))
            {
                numbers[row] = count == 0 ? 0 : (float)(sum / count);
                continue;
            }
            numbers[row] = (float)number;
            sum += number;
            count++;
        }
        return numbers;
    }

    /// <summary>Whether a name says that its numbers are names: <c>id</c>, <c>userId</c>, <c>CustomerID</c>, <c>item_id</c>; not <c>paid</c>.</summary>
    internal static bool IsIdentifier(string name)
    {
        if (!name.EndsWith("id", StringComparison.OrdinalIgnoreCase))
            return false;
        if (name.Length == 2)
            return true;
        var before = name[^3];
        return !char.IsLetter(before) || (name[^2] == 'I' && char.IsLower(before));
    }

    private static bool IsMissing(string text) => text is "" or "?" or "NA" or "NaN" or "nan" or "null";

    private static bool IsLong(string text) => text.Length > NumberDigitsMax && text.AsSpan(text[0] is '-' or '+' ? 1 : 0) is var digits
        && digits.Length > NumberDigitsMax && !digits.ContainsAnyExceptInRange('0', '9');

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
}
