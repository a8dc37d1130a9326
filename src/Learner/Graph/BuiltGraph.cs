using System.Text.Json.Serialization;

namespace Recsys.Learner.Graph;

/// <summary>One item of the graph.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Vector">Its vector.</param>
/// <param name="Tags">Its groups, for rules.</param>
public sealed record GraphItem(string Id, float[] Vector, string[] Tags);

/// <summary>A graph in memory.</summary>
/// <param name="Users">Users with their vectors.</param>
/// <param name="Items">Items with their vectors.</param>
/// <param name="Centroids">C centroids.</param>
/// <param name="Rows">Per cluster, positions in <paramref name="Items"/>, best first.</param>
public sealed record BuiltGraph(NamedVectors Users, IReadOnlyList<GraphItem> Items, float[][] Centroids, int[][] Rows);

/// <summary>A file that a graph was made from or consists of.</summary>
/// <param name="Name">Its name without directories.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Hash of its bytes, lower-case hexadecimal.</param>
public sealed record FileStamp(string Name, long Bytes, string Sha256);

/// <summary>graph.json: what the directory holds and how it was made. It carries no time: the same inputs and settings give the same bytes.</summary>
/// <param name="Format">Version of these files' layout.</param>
/// <param name="Version">1 for the first graph of a directory, one more with each that replaces it.</param>
/// <param name="Dimension">Length of all vectors.</param>
/// <param name="Users">Users in users.csv.</param>
/// <param name="Items">Items in items.jsonl.</param>
/// <param name="Clusters">Centroids.</param>
/// <param name="Edges">Rows of edges.csv.</param>
/// <param name="WarmStart">Whether it continues the graph that it replaces.</param>
/// <param name="Settings">Everything that was asked for, by option.</param>
/// <param name="Holdout">Recall on later interactions, or null.</param>
/// <param name="Inputs">The files it was made from.</param>
/// <param name="Files">The other files of the directory.</param>
public sealed record GraphManifest(
    int Format, long Version, int Dimension, int Users, int Items, int Clusters, long Edges, bool WarmStart,
    IReadOnlyDictionary<string, string> Settings, HoldoutReport? Holdout, IReadOnlyList<FileStamp> Inputs, IReadOnlyList<FileStamp> Files);

/// <summary>clusters.json: the body of PUT /v1/experiments/{experiment}/clusters.</summary>
/// <param name="Centroids">C vectors.</param>
/// <param name="Edges">Per cluster the ids of its items, best first.</param>
internal sealed record ClustersBody(IReadOnlyList<float[]> Centroids, IReadOnlyList<string[]> Edges);

/// <summary>The JSON shapes of a graph directory.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.Never)]
[JsonSerializable(typeof(GraphManifest))]
[JsonSerializable(typeof(ClustersBody))]
[JsonSerializable(typeof(GraphItem))]
internal sealed partial class GraphJsonContext : JsonSerializerContext;
