using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Api.Catalogue;

/// <summary>
/// The body of a PUT of clusters: <c>{ "centroids": [[…], …], "edges": [["item", …], …] }</c>. Read from its bytes as they are, because a document of ten million
/// texts would take several times their memory.
/// </summary>
/// <param name="Centroids">C centroids of the length of the context vector.</param>
/// <param name="Rows">Per cluster the items it has edges to, best first; null where the service is to rank the catalogue itself.</param>
/// <param name="Edges">All edges of the rows.</param>
public sealed record ClustersRequest(IReadOnlyList<float[]> Centroids, IReadOnlyList<IReadOnlyList<ActionKey>>? Rows, long Edges)
{
    /// <summary>Most user clusters: twice what is reported of the largest system of this kind (arXiv 2307.15893).</summary>
    public const int CentroidsMax = 60_000;

    /// <summary>Most edges that are taken: 30,000 clusters of 333 items.</summary>
    public const int EdgesMax = 10_000_000;

    /// <summary>Problems that are listed; whoever has more has the same one again and again.</summary>
    private const int ErrorsMax = 20;

    /// <summary>Whether users and items of a definition can meet centroids of a length in one space.</summary>
    public static bool Fits(int length, FeatureSchema features)
    {
        ArgumentNullException.ThrowIfNull(features);
        return length == features.ContextVector && (features.ActionVector == 0 || features.ActionVector == length);
    }

    /// <summary>Reads a body strictly and finds everything that is wrong, up to a bound.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="features">Shapes of the experiment.</param>
    /// <param name="items">Keys of the catalogue.</param>
    /// <param name="errors">Receives field and message of every problem.</param>
    /// <param name="onlyUnknownItems">Whether nothing is wrong but edges to items that are not in the catalogue.</param>
    /// <returns>The request, or null when there is a problem.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static ClustersRequest? Read(
        ReadOnlySpan<byte> json, FeatureSchema features, IReadOnlySet<ActionKey> items, ICollection<KeyValuePair<string, string>> errors, out bool onlyUnknownItems)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(errors);
        var reader = new Reader(json, features, items, errors);
        var request = reader.Read();
        onlyUnknownItems = reader.UnknownItems > 0 && reader.UnknownItems == errors.Count;
        return errors.Count > 0 ? null : request;
    }

    private ref struct Reader(ReadOnlySpan<byte> json, FeatureSchema features, IReadOnlySet<ActionKey> items, ICollection<KeyValuePair<string, string>> errors)
    {
        private Utf8JsonReader _json = new(json);
        private List<float[]>? _centroids;
        private List<ActionKey[]>? _rows;
        private long _edges;

        public int UnknownItems { get; private set; }

        private readonly bool Full => errors.Count >= ErrorsMax;

        public ClustersRequest? Read()
        {
            _json.Read();
            if (_json.TokenType != JsonTokenType.StartObject)
            {
                Add("$", "Give an object.");
                _json.Skip();
                while (_json.Read()) { }
                return null;
            }
            var seen = new HashSet<string>(StringComparer.Ordinal);
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                var field = _json.GetString()!;
                if (!seen.Add(field))
                    throw new JsonException($"The field '{field}' occurs twice.");
                _json.Read();
                // A null counts as not given, as everywhere.
                if (_json.TokenType == JsonTokenType.Null)
                    continue;
                if (field is not ("centroids" or "edges"))
                {
                    Add(field, "Unknown field. Known: centroids, edges.");
                    _json.Skip();
                }
                else if (_json.TokenType != JsonTokenType.StartArray)
                {
                    Add(field, "Give an array.");
                    _json.Skip();
                }
                else if (field == "centroids")
                {
                    ReadCentroids();
                }
                else
                {
                    ReadEdges();
                }
            }
            // Refuses what follows the object.
            while (_json.Read()) { }
            return Complete();
        }

        private readonly ClustersRequest? Complete()
        {
            if (_centroids is null)
            {
                if (errors.All(static e => e.Key != "centroids"))
                    Add("centroids", "Give an array.");
                return null;
            }
            if (_centroids.Count > CentroidsMax)
                Add("centroids", $"has {_centroids.Count} entries; at most {CentroidsMax} are taken.");
            if (features.ContextVector == 0 && _centroids.Count > 0)
                Add("centroids", "Users are assigned by their context vector; give the experiment a features.context.vector first.");
            else if (_centroids.Count > 0 && features.ActionVector is > 0 and var vector && vector != features.ContextVector)
                Add("centroids", $"Users and items meet in one space, so features.context.vector ({features.ContextVector}) and features.action.vector ({vector}) must be equal.");
            if (_rows is not null && _rows.Count != _centroids.Count)
                Add("edges", $"has {_rows.Count} lists; there are {_centroids.Count} centroids, and each has one.");
            if (_edges > EdgesMax)
                Add("edges", $"has {_edges} edges; at most {EdgesMax} are taken.");
            return new ClustersRequest(_centroids, _rows, _edges);
        }

        private void ReadCentroids()
        {
            _centroids = [];
            var length = features.ContextVector;
            while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
            {
                var at = _centroids.Count;
                var centroid = at < CentroidsMax && !Full ? new float[length] : [];
                _centroids.Add(centroid);
                // Beyond the limits only the syntax is of interest, and how many there are.
                if (centroid.Length == 0 && length > 0)
                {
                    _json.Skip();
                    continue;
                }
                if (_json.TokenType != JsonTokenType.StartArray)
                {
                    Add($"centroids[{at}]", $"must be an array of {length} numbers, the length of features.context.vector.");
                    _json.Skip();
                    continue;
                }
                int count = 0, bad = 0;
                for (; _json.Read() && _json.TokenType != JsonTokenType.EndArray; count++)
                {
                    if (_json.TokenType != JsonTokenType.Number || !_json.TryGetSingle(out var number) || !float.IsFinite(number))
                    {
                        bad++;
                        _json.Skip();
                    }
                    else if (count < length)
                    {
                        centroid[count] = number;
                    }
                }
                if (count != length)
                    Add($"centroids[{at}]", $"must be an array of {length} numbers, the length of features.context.vector.");
                if (bad > 0)
                    Add($"centroids[{at}]", "must hold finite 32-bit numbers only.");
            }
        }

        private void ReadEdges()
        {
            _rows = [];
            var row = new List<ActionKey>();
            var inRow = new HashSet<ActionKey>();
            while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
            {
                var at = _rows.Count;
                row.Clear();
                inRow.Clear();
                if (_json.TokenType != JsonTokenType.StartArray)
                {
                    Add($"edges[{at}]", "must be an array of item ids, best first.");
                    _json.Skip();
                    _rows.Add([]);
                    continue;
                }
                for (var rank = 0; _json.Read() && _json.TokenType != JsonTokenType.EndArray; rank++)
                {
                    _edges++;
                    if (Full || _edges > EdgesMax)
                        _json.Skip();
                    else if (_json.TokenType != JsonTokenType.String)
                        Other(at, rank);
                    else if (Key() is var key && !items.Contains(key))
                        Unknown(at, rank);
                    else if (!inRow.Add(key))
                        Add($"edges[{at}][{rank}]", $"is '{Shown()}' a second time; a cluster has one edge to an item.");
                    else
                        row.Add(key);
                }
                _rows.Add([.. row]);
            }
        }

        private void Other(int at, int rank)
        {
            Add($"edges[{at}][{rank}]", "must be the id of an item, as text.");
            _json.Skip();
        }

        private void Unknown(int at, int rank)
        {
            UnknownItems++;
            Add($"edges[{at}][{rank}]", $"is '{Shown()}', which is not in the catalogue; put the items first.");
        }

        private readonly ActionKey Key()
        {
            if (!_json.ValueIsEscaped)
                return ActionKey.Of(_json.ValueSpan);
            return ActionKey.Of(_json.GetString()!);
        }

        // An id has at most 256 characters; a text that is none may have any number.
        private readonly string Shown() => _json.GetString() is { Length: > 256 } text ? text[..256] + "…" : _json.GetString()!;

        private readonly void Add(string field, string message)
        {
            if (!Full)
                errors.Add(new(field, message));
        }
    }
}
