using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Graph;

/// <summary>
/// A graph on disk. It is written beside its place and swapped in whole; a crash between the two renames of the swap leaves the old one under another name, from
/// which the next read takes it back.
/// </summary>
public static class GraphDirectory
{
    /// <summary>Layout of the files.</summary>
    public const int Format = 2;

    private const string ManifestFile = "graph.json", ClustersFile = "clusters.json", ItemsFile = "items.jsonl", UsersFile = "users.csv", EdgesFile = "edges.csv";
    private static readonly string[] Contents = [ClustersFile, ItemsFile, UsersFile, EdgesFile];

    /// <summary>Reads and verifies the graph of a directory.</summary>
    /// <returns>The graph and its manifest; null where the directory is missing or empty.</returns>
    /// <exception cref="GraphBuildException">The directory holds something else, or a damaged graph.</exception>
    public static (BuiltGraph Graph, GraphManifest Manifest)? Read(string path)
    {
        path = Normal(path);
        Recover(path);
        if (File.Exists(path))
            throw new GraphBuildException($"{path} is a file, not a directory.");
        if (!Directory.Exists(path))
            return null;
        var names = Directory.EnumerateFileSystemEntries(path).Select(static p => Path.GetFileName(p)!).ToArray();
        if (names.Length == 0)
            return null;
        // Whatever else lies in there would be gone after the swap.
        var foreign = names.FirstOrDefault(static n => n != ManifestFile && !Contents.Contains(n, StringComparer.Ordinal));
        if (foreign is not null || !names.Contains(ManifestFile, StringComparer.Ordinal))
            throw new GraphBuildException($"{path} holds {(foreign is null ? "no " + ManifestFile : $"'{foreign}'")}, so it is no graph; give a directory of its own.");
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(path, ManifestFile)), GraphJsonContext.Default.GraphManifest);
            if (manifest is not { Format: Format })
                throw new GraphBuildException($"{path} has format {manifest?.Format}, this program knows {Format}; use another directory.");
            foreach (var stamp in manifest.Files)
            {
                if (!Contents.Contains(stamp.Name, StringComparer.Ordinal) || Stamp(Path.Combine(path, stamp.Name)) != stamp)
                    throw new GraphBuildException($"The graph in {path} is damaged: {stamp.Name} is not what {ManifestFile} says. Use another directory, or remove it.");
            }
            return (ReadContents(path), manifest);
        }
        catch (Exception e) when (e is JsonException or IOException or DataFileException or UnauthorizedAccessException or NullReferenceException)
        {
            throw new GraphBuildException($"The graph in {path} is damaged: {e.Message.ReplaceLineEndings(" ")} Use another directory, or remove it.", e);
        }
    }

    /// <summary>Writes a graph beside its place, then swaps it in.</summary>
    /// <param name="path">The directory; what graph it holds is replaced.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="manifest">Its manifest; files are filled in here.</param>
    public static void Write(string path, BuiltGraph graph, GraphManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(manifest);
        path = Normal(path);
        var fresh = path + ".new";
        if (Directory.Exists(fresh))
            Directory.Delete(fresh, recursive: true);
        Directory.CreateDirectory(fresh);
        WriteBytes(Path.Combine(fresh, ClustersFile), file => JsonSerializer.Serialize(
            file, new ClustersBody(graph.Centroids, [.. graph.Rows.Select(row => Array.ConvertAll(row, i => graph.Items[i].Id))]), GraphJsonContext.Default.ClustersBody));
        WriteText(Path.Combine(fresh, ItemsFile), output =>
        {
            foreach (var item in graph.Items)
            {
                output.Write(JsonSerializer.Serialize(item, GraphJsonContext.Default.GraphItem));
                output.Write('\n');
            }
        });
        WriteText(Path.Combine(fresh, UsersFile), output => VectorFile.Write(output, "user", graph.Users));
        WriteText(Path.Combine(fresh, EdgesFile), output =>
        {
            output.Write("cluster,item,rank\n");
            for (var c = 0; c < graph.Rows.Length; c++)
            {
                for (var rank = 0; rank < graph.Rows[c].Length; rank++)
                    output.Write(string.Create(CultureInfo.InvariantCulture, $"{c},{VectorFile.Quoted(graph.Items[graph.Rows[c][rank]].Id)},{rank + 1}\n"));
            }
        });
        manifest = manifest with { Files = [.. Contents.Select(name => Stamp(Path.Combine(fresh, name)))] };
        WriteText(Path.Combine(fresh, ManifestFile), output => output.Write(JsonSerializer.Serialize(manifest, GraphJsonContext.Default.GraphManifest)));

        var old = path + ".old";
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
        if (Directory.Exists(path))
            Directory.Move(path, old);
        Directory.Move(fresh, path);
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>Length and hash of a file.</summary>
    public static FileStamp Stamp(string path)
    {
        using var file = File.OpenRead(path);
        return new FileStamp(Path.GetFileName(path), file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    private static BuiltGraph ReadContents(string path)
    {
        var clusters = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(path, ClustersFile)), GraphJsonContext.Default.ClustersBody)!;
        var items = File.ReadLines(Path.Combine(path, ItemsFile)).Select(static l => JsonSerializer.Deserialize(l, GraphJsonContext.Default.GraphItem)!).ToArray();
        var numbers = items.Select(static (item, i) => (item.Id, i)).ToDictionary(static x => x.Id, static x => x.i, StringComparer.Ordinal);
        var rows = clusters.Edges.Select(row => row.Select(id => numbers[id]).ToArray()).ToArray();
        return new BuiltGraph(VectorFile.Read(Path.Combine(path, UsersFile)), items, [.. clusters.Centroids], rows);
    }

    private static void Recover(string path)
    {
        if (!Directory.Exists(path) && Directory.Exists(path + ".old"))
            Directory.Move(path + ".old", path);
    }

    private static string Normal(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static void WriteText(string path, Action<TextWriter> write) => WriteBytes(path, file =>
    {
        using var text = new StreamWriter(file, leaveOpen: true);
        write(text);
    });

    private static void WriteBytes(string path, Action<Stream> write)
    {
        using var file = new FileStream(path, FileMode.CreateNew);
        write(file);
        file.Flush(flushToDisk: true);
    }
}
