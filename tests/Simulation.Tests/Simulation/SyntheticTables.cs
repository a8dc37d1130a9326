using System.Globalization;
using System.Text;
using Recsys.Learner.Simulation;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>Small tables made from a seed.</summary>
internal static class SyntheticTables
{
    /// <summary>
    /// Three classes that are linear in the encoded row: the colour column tells them apart, with one row in twenty mislabelled; two numeric columns are
    /// noise.
    /// </summary>
    public static string Colours(int rows, long seed)
    {
        string[] colours = ["red", "green", "blue"];
        var random = SeededRandom.For(seed, 77);
        var text = new StringBuilder("size,colour,weight,class\n");
        for (var i = 0; i < rows; i++)
        {
            var colour = random.NextInteger(3);
            var label = random.NextUniform() < 0.05 ? random.NextInteger(3) : colour;
            text.Append(CultureInfo.InvariantCulture, $"{random.NextNormal():F3},{colours[colour]},{10 + random.NextNormal():F3},kind-{label}\n");
        }
        return text.ToString();
    }

    /// <summary>Two groups of users who like opposite halves of the items; ids and times as text.</summary>
    public static string Ratings(int users, int items, int perUser, long seed)
    {
        var random = SeededRandom.For(seed, 78);
        var text = new StringBuilder("userId,movieId,rating,timestamp\n");
        for (var user = 0; user < users; user++)
        {
            var rated = Enumerable.Range(0, items).ToArray();
            random.Shuffle(rated);
            for (var k = 0; k < perUser; k++)
            {
                var item = rated[k];
                var likes = user % 2 == (item < items / 2 ? 0 : 1);
                var rating = Math.Clamp(Math.Round((likes ? 4.4 : 2.2) + 0.5 * random.NextNormal()), 1, 5);
                text.Append(CultureInfo.InvariantCulture, $"u{user},i{item},{rating:F1},{1000 * k + user}\n");
            }
        }
        return text.ToString();
    }
}
