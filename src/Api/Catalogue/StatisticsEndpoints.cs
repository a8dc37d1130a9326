using System.Globalization;
using System.Text.Json;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Api.Catalogue;

/// <summary>What has been learned about one item, for operators: over all its edges, and edge by edge.</summary>
public sealed class StatisticsEndpoints(ExperimentRegistry registry)
{
    /// <summary>Most clusters that a request may name.</summary>
    private const int ClustersMax = 1000;

    /// <summary>Maps the address.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<StatisticsEndpoints>();
        routes.MapGet("/v1/experiments/{experiment}/items/{item}/statistics", endpoints.GetAsync).Needs(ApiRoles.Decide);
    }

    private async Task GetAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var id = Ids.FromPath(context, "item");
        // One graph and one policy for the whole answer.
        var (graph, policy) = (runtime.Catalogue.Graph, runtime.Slot.Current.Policy);
        // Before the first parameters the answer is that nothing was learned, where anything could be.
        policy ??= PolicyCatalog.Find(runtime.Experiment.Definition.Policy.Kind).Assemble(runtime.Experiment.Definition.Policy, []);
        if (runtime.Catalogue.Find(id) is null)
        {
            await ProblemWriter.WriteAsync(context, new Problem(ProblemTypes.UnknownItem, $"No item '{id}' in the catalogue of '{runtime.Name}'."));
        }
        else if (policy is not IEdgeStatistics { HasEdgeStatistics: true } statistics)
        {
            await ProblemWriter.WriteAsync(context, new Problem(
                ProblemTypes.NoStatistics,
                $"'{runtime.Experiment.Definition.Policy.Kind}' keeps no statistics of edges; diag-lin-ucb does."));
        }
        else if (Clusters(context) is not { } wanted)
        {
            await ProblemWriter.WriteAsync(context, Problem.Invalid("cluster", $"must be the id of a cluster, a whole number of at least 0; at most {ClustersMax} of them."));
        }
        else
        {
            var key = ActionKey.Of(id);
            // A newcomer is one until the graph that serves is one without it.
            var dismissed = graph.IsNewcomer(key) ? null : runtime.Catalogue.DismissedTo(key);
            var standing = dismissed is not null ? dismissed.Count > 0 ? "graduated" : "retired" : graph.Find(key) is null ? "left-out" : graph.IsNewcomer(key) ? "newcomer" : "ranked";
            var edges = dismissed is null ? graph.EdgesOf(key) : [.. dismissed.Select(static cluster => new ItemEdge(cluster, null))];
            if (wanted.Count > 0)
                edges = wanted.ConvertAll(cluster => edges.FirstOrDefault(e => e.Cluster == cluster) is { Rank: not null } ranked ? ranked : new ItemEdge(cluster, null));
            await JsonResponse.WriteAsync(
                context.Response, JsonResponse.ContentType, (id, graph, standing, statistics, edges),
                static (json, state) => Write(json, state.id, state.graph, state.standing, state.statistics, state.edges));
        }
    }

    private static void Write(Utf8JsonWriter json, string id, ClusterGraph graph, string standing, IEdgeStatistics statistics, IReadOnlyList<ItemEdge> edges)
    {
        var key = ActionKey.Of(id);
        json.WriteStartObject();
        json.WriteString("item"u8, id);
        json.WriteNumber("graphVersion"u8, graph.Version);
        json.WriteBoolean("newcomer"u8, standing == "newcomer");
        json.WriteString("standing"u8, standing);
        Write(json, statistics.TryRead(key, out var all) ? all : null);
        json.WriteStartArray("edges"u8);
        foreach (var (cluster, rank) in edges)
        {
            json.WriteStartObject();
            json.WriteNumber("cluster"u8, cluster);
            if (rank is { } place)
                json.WriteNumber("rank"u8, place + 1);
            else
                json.WriteNull("rank"u8);
            Write(json, statistics.TryRead(cluster, key, out var edge) ? edge : null);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, EdgeStatistics? known)
    {
        json.WriteNumber("interactions"u8, known?.Interactions ?? 0);
        if (known is { } statistics)
        {
            json.WriteNumber("mean"u8, statistics.Mean);
            json.WriteNumber("width"u8, statistics.Width);
            return;
        }
        json.WriteNull("mean"u8);
        json.WriteNull("width"u8);
    }

    /// <summary>Clusters that the request names, none for all that the graph connects to the item; null when one of them cannot be.</summary>
    private static List<int>? Clusters(HttpContext context)
    {
        var clusters = new List<int>();
        foreach (var text in context.Request.Query["cluster"])
        {
            if (clusters.Count == ClustersMax || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var cluster))
                return null;
            clusters.Add(cluster);
        }
        return clusters;
    }
}
