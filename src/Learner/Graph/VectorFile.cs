using System.Buffers;
using System.Globalization;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Graph;

/// <summary>Vectors by id.</summary>
/// <param name="Ids">Distinct ids in the file's order.</param>
/// <param name="Vectors">One per id, all of one length, finite, none of zeros only.</param>
public sealed record NamedVectors(IReadOnlyList<string> Ids, IReadOnlyList<float[]> Vectors);

/// <summary>A file of an id and the numbers of its vector per line, with or without a header; what users.csv is.</summary>
public static class VectorFile
{
    private static readonly SearchValues<char> NeedQuotes = SearchValues.Create(",\"\r\n;\t:");

    /// <summary>Reads a file; a first line whose second field is no number is a header.</summary>
    /// <exception cref="DataFileException">It is not such a file; the message names the line.</exception>
    public static NamedVectors Read(string path)
    {
        using var reader = DelimitedReader.Open(path, delimiter: null);
        var ids = new List<string>();
        var vectors = new List<float[]>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var first = true;
        while (reader.Read())
        {
            if (first && reader.Count > 1 && !float.TryParse(reader[1], NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            {
                first = false;
                continue;
            }
            first = false;
            var id = reader[0].Trim().ToString();
            if (id.Length == 0)
                throw new DataFileException(path, reader.Line, null, "the id is missing.");
            if (!seen.Add(id))
                throw new DataFileException(path, reader.Line, null, $"'{id}' occurs twice.");
            var length = reader.Count - 1;
            if (length == 0 || (vectors.Count > 0 && length != vectors[0].Length))
                throw new DataFileException(path, reader.Line, null, $"the vector has {length} numbers, {(vectors.Count == 0 ? "at least 1 is" : vectors[0].Length + " are")} needed.");
            var vector = new float[length];
            for (var i = 0; i < length; i++)
            {
                if (!float.TryParse(reader[i + 1], NumberStyles.Float, CultureInfo.InvariantCulture, out vector[i]) || !float.IsFinite(vector[i]))
                    throw new DataFileException(path, reader.Line, null, $"'{reader[i + 1]}' is no finite number.");
            }
            if (Array.TrueForAll(vector, static x => x == 0))
                throw new DataFileException(path, reader.Line, null, "the vector is all zeros and has no direction.");
            ids.Add(id);
            vectors.Add(vector);
        }
        if (ids.Count == 0)
            throw new DataFileException(path, "there is no vector in it.");
        return new NamedVectors(ids, vectors);
    }

    /// <summary>Writes a file that <see cref="Read"/> reads back to the same bits.</summary>
    public static void Write(TextWriter output, string idColumn, NamedVectors vectors)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(vectors);
        output.Write(idColumn);
        for (var k = 1; k <= (vectors.Vectors.Count == 0 ? 0 : vectors.Vectors[0].Length); k++)
            output.Write(string.Create(CultureInfo.InvariantCulture, $",v{k}"));
        output.Write('\n');
        for (var i = 0; i < vectors.Ids.Count; i++)
        {
            output.Write(Quoted(vectors.Ids[i]));
            foreach (var value in vectors.Vectors[i])
            {
                output.Write(',');
                output.Write(value.ToString("R", CultureInfo.InvariantCulture));
            }
            output.Write('\n');
        }
    }

    /// <summary>A field as RFC 4180 wants it.</summary>
    public static string Quoted(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        return field.AsSpan().ContainsAny(NeedQuotes) ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;
    }
}
