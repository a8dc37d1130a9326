using System.Globalization;
using System.Text;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Stream;

namespace Recsys.Simulation.Tests.Simulation.Stream;

/// <summary>Small logs made from a seed.</summary>
internal static class StreamTables
{
    /// <summary>Clicks with probability 0.8 on one of two colours, else 0.2; from the middle on, on the other colour.</summary>
    public static string Drifting(int rows, long seed)
    {
        var random = SeededRandom.For(seed, 91);
        var text = new StringBuilder("size,colour,click\n");
        for (var row = 0; row < rows; row++)
        {
            var isRed = random.NextUniform() < 0.5;
            var likes = isRed == row < rows / 2;
            var clicked = random.NextUniform() < (likes ? 0.8 : 0.2);
            text.Append(CultureInfo.InvariantCulture, $"{random.NextNormal():F3},{(isRed ? "red" : "blue")},{(clicked ? 1 : 0)}\n");
        }
        return text.ToString();
    }

    /// <summary>Two groups of persons who choose from opposite halves of the items.</summary>
    public static string Chosen(int rows, long seed)
    {
        var random = SeededRandom.For(seed, 92);
        var text = new StringBuilder("personId,item\n");
        for (var row = 0; row < rows; row++)
        {
            var person = random.NextInteger(20);
            text.Append(CultureInfo.InvariantCulture, $"{person},i{10 * (person % 2) + random.NextInteger(10)}\n");
        }
        return text.ToString();
    }

    public static StreamTable Read(string text, StreamColumns columns)
    {
        using var file = new TemporaryFile(text);
        return StreamFile.Read(file.Path, columns);
    }
}
