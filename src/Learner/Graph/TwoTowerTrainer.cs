using System.Numerics.Tensors;
using Recsys.Learner.Simulation;

namespace Recsys.Learner.Graph;

/// <summary>How two towers are trained.</summary>
/// <param name="Dimension">Length D of the vectors, at least 1.</param>
/// <param name="Epochs">Passes over the positives, at least 1.</param>
/// <param name="Seed">Of start, order and dropped ids.</param>
/// <param name="Temperature">τ of the softmax, above 0.</param>
/// <param name="LearningRate">Adagrad's step, above 0.</param>
/// <param name="Batch">Positives per step B, at least 2.</param>
/// <param name="IdDropout">
/// Share of the positives of items with content for which the item's own vector is left out, so that content alone learns to place an item nobody has met; 0 to 1.
/// </param>
/// <param name="Cores">Most cores to use, −1 for all; the result does not depend on it.</param>
public sealed record TwoTowerSettings(
    int Dimension = 64, int Epochs = 20, long Seed = 1, float Temperature = 0.2f, float LearningRate = 0.05f, int Batch = 512, float IdDropout = 0.1f,
    int Cores = -1);

/// <summary>The outcome: unit vectors, null for a user without positives and for an item with neither positives nor content.</summary>
/// <param name="Users">Per user, length D or null.</param>
/// <param name="Items">Per item, length D or null.</param>
/// <param name="Loss">Mean loss of the last epoch.</param>
public sealed record TowerVectors(float[]?[] Users, float[]?[] Items, double Loss);

/// <summary>
/// Two towers: a user is a learned vector, an item a learned vector plus the learned vectors of its content features; both are scaled to length 1 and
/// their inner product over τ is the logit of <see cref="InBatchSoftmax"/>. The item's vector is a function of its content where the log does not know it.
/// </summary>
/// <remarks>
/// The sampling probability q is each item's exact share of the positives: the log is finite, so the paper's streaming estimate is not needed. Every result
/// row is the work of one core in a fixed order: the same arguments give the same bits whatever the number of cores.
/// </remarks>
public sealed class TwoTowerTrainer
{
    private const ulong StartPurpose = 0x747731, OrderPurpose = 0x747732, DropPurpose = 0x747733;

    private readonly IReadOnlyList<Positive> _positives;
    private readonly ItemContent _content;
    private readonly TwoTowerSettings _settings;
    private readonly ParallelOptions _parallel;
    private readonly int _dimension;
    private readonly AdagradRows _users;
    private readonly AdagradRows _items;
    private readonly AdagradRows _features;
    private readonly int[] _userPositives;
    private readonly int[] _itemPositives;
    private readonly float[] _logQ;

    private TwoTowerTrainer(int users, IReadOnlyList<Positive> positives, ItemContent content, TwoTowerSettings settings, CancellationToken cancellation)
    {
        (_positives, _content, _settings, _dimension) = (positives, content, settings, settings.Dimension);
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = settings.Cores, CancellationToken = cancellation };
        _users = new AdagradRows(users, _dimension, settings.LearningRate);
        _items = new AdagradRows(content.Indices.Length, _dimension, settings.LearningRate);
        _features = new AdagradRows(content.Features, _dimension, settings.LearningRate);
        _userPositives = new int[users];
        _itemPositives = new int[content.Indices.Length];
        foreach (var (user, item) in positives)
        {
            _userPositives[user]++;
            _itemPositives[item]++;
        }
        _logQ = Array.ConvertAll(_itemPositives, n => n == 0 ? 0 : MathF.Log((float)n / positives.Count));
    }

    /// <summary>Trains.</summary>
    /// <param name="users">Number of users.</param>
    /// <param name="positives">Distinct pairs, of at least two users and two items.</param>
    /// <param name="content">Content of every item; its length is the number of items.</param>
    /// <param name="settings">How.</param>
    /// <param name="start">Vectors to start from, so that the space keeps its axes from one build to the next; null entries start at random.</param>
    /// <param name="progress">Told how many positives have been visited.</param>
    /// <param name="cancellation">Ends it between steps.</param>
    public static TowerVectors Train(
        int users, IReadOnlyList<Positive> positives, ItemContent content, TwoTowerSettings settings, (float[]?[] Users, float[]?[] Items)? start = null,
        IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(positives);
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(settings);
        if (positives.Select(static p => p.User).Distinct().Take(2).Count() < 2 || positives.Select(static p => p.Item).Distinct().Take(2).Count() < 2)
            throw new ArgumentException("Two towers need positives of at least two users and two items.", nameof(positives));
        var trainer = new TwoTowerTrainer(users, positives, content, settings, cancellation);
        trainer.Start(start);
        var loss = trainer.Run(progress, cancellation);
        return trainer.Vectors(loss);
    }

    private void Start((float[]?[] Users, float[]?[] Items)? start)
    {
        var random = SeededRandom.For(_settings.Seed, StartPurpose);
        // Of length 1 on average, so that a step turns a vector by about as much at the start as in a warm start. Content starts small: the ids say what is known.
        var scale = 1 / Math.Sqrt(_dimension);
        void Fill(AdagradRows rows, int count, double size)
        {
            for (var row = 0; row < count; row++)
                foreach (ref var value in rows[row])
                    value = (float)(size * random.NextNormal());
        }
        Fill(_features, _content.Features, 0.1 * scale);
        Fill(_users, _userPositives.Length, scale);
        Fill(_items, _itemPositives.Length, scale);
        if (start is not var (users, items))
            return;
        for (var user = 0; user < users.Length; user++)
            users[user]?.CopyTo(_users[user]);
        var content = new float[_dimension];
        for (var item = 0; item < items.Length; item++)
        {
            if (items[item] is not { } vector)
                continue;
            // Id and content together make the earlier vector.
            AddContent(item, content);
            TensorPrimitives.Subtract(vector, content, _items[item]);
            Array.Clear(content);
        }
    }

    private double Run(IProgress<long>? progress, CancellationToken cancellation)
    {
        var batch = Math.Min(_settings.Batch, _positives.Count);
        var softmax = new InBatchSoftmax(batch, _dimension, _settings.Temperature);
        var step = new Step(batch, _dimension);
        var order = Enumerable.Range(0, _positives.Count).ToArray();
        var shuffles = SeededRandom.For(_settings.Seed, OrderPurpose);
        var drops = SeededRandom.For(_settings.Seed, DropPurpose);
        double loss = 0;
        for (var epoch = 0; epoch < _settings.Epochs; epoch++)
        {
            shuffles.Shuffle(order);
            loss = 0;
            for (var at = 0; at < order.Length; at += batch)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report((long)epoch * order.Length + at);
                var count = Math.Min(batch, order.Length - at);
                for (var i = 0; i < count; i++)
                {
                    var (user, item) = _positives[order[at + i]];
                    step.Users[i] = user;
                    step.Items[i] = item;
                    step.LogQ[i] = _logQ[item];
                    step.Dropped[i] = _content.Indices[item].Length > 0 && drops.NextUniform() < _settings.IdDropout;
                }
                loss += Learn(step, count, softmax);
            }
        }
        progress?.Report((long)_settings.Epochs * order.Length);
        return loss / order.Length;
    }

    private double Learn(Step step, int count, InBatchSoftmax softmax)
    {
        var d = _dimension;
        Parallel.For(0, count, _parallel, i =>
        {
            var user = step.UserVectors.AsSpan(i * d, d);
            _users[step.Users[i]].CopyTo(user);
            step.UserNorms[i] = Normalize(user);
            var item = step.ItemVectors.AsSpan(i * d, d);
            item.Clear();
            if (!step.Dropped[i])
                _items[step.Items[i]].CopyTo(item);
            AddContent(step.Items[i], item);
            step.ItemNorms[i] = Normalize(item);
        });
        var loss = softmax.Evaluate(step.UserVectors, step.ItemVectors, step.Items, step.LogQ, count, step.UserGradients, step.ItemGradients, _parallel);
        Parallel.For(0, count, _parallel, i =>
        {
            ThroughNorm(step.UserVectors.AsSpan(i * d, d), step.UserNorms[i], step.UserGradients.AsSpan(i * d, d));
            ThroughNorm(step.ItemVectors.AsSpan(i * d, d), step.ItemNorms[i], step.ItemGradients.AsSpan(i * d, d));
        });

        step.Entries.Clear();
        for (var i = 0; i < count; i++)
            step.Entries.Add((step.Users[i], i, 1));
        Update(_users, step.Entries, step.UserGradients);
        step.Entries.Clear();
        for (var i = 0; i < count; i++)
        {
            if (!step.Dropped[i])
                step.Entries.Add((step.Items[i], i, 1));
        }
        Update(_items, step.Entries, step.ItemGradients);
        step.Entries.Clear();
        for (var i = 0; i < count; i++)
        {
            var (indices, weights) = (_content.Indices[step.Items[i]], _content.Weights[step.Items[i]]);
            for (var k = 0; k < indices.Length; k++)
                step.Entries.Add((indices[k], i, weights[k]));
        }
        Update(_features, step.Entries, step.ItemGradients);
        return loss;
    }

    /// <summary>One step for every row that occurs, on the sum of its gradients in order of their position.</summary>
    private void Update(AdagradRows rows, List<(int Row, int Position, float Weight)> entries, float[] gradients)
    {
        entries.Sort(static (a, b) => a.Row != b.Row ? a.Row.CompareTo(b.Row) : a.Position.CompareTo(b.Position));
        var starts = new List<int>();
        for (var i = 0; i < entries.Count; i++)
        {
            if (i == 0 || entries[i].Row != entries[i - 1].Row)
                starts.Add(i);
        }
        starts.Add(entries.Count);
        Parallel.For(0, starts.Count - 1, _parallel, () => new float[_dimension], (group, _, sum) =>
        {
            Array.Clear(sum);
            for (var i = starts[group]; i < starts[group + 1]; i++)
                TensorPrimitives.MultiplyAdd(gradients.AsSpan(entries[i].Position * _dimension, _dimension), entries[i].Weight, sum, sum);
            rows.Step(entries[starts[group]].Row, sum);
            return sum;
        }, static _ => { });
    }

    private void AddContent(int item, Span<float> into)
    {
        var (indices, weights) = (_content.Indices[item], _content.Weights[item]);
        for (var k = 0; k < indices.Length; k++)
            TensorPrimitives.MultiplyAdd(_features[indices[k]], weights[k], into, into);
    }

    private TowerVectors Vectors(double loss)
    {
        var users = new float[]?[_userPositives.Length];
        for (var user = 0; user < users.Length; user++)
            users[user] = _userPositives[user] == 0 ? null : Unit(_users[user].ToArray());
        var items = new float[]?[_itemPositives.Length];
        for (var item = 0; item < items.Length; item++)
        {
            if (_itemPositives[item] == 0 && _content.Indices[item].Length == 0)
                continue;
            var vector = _itemPositives[item] == 0 ? new float[_dimension] : _items[item].ToArray();
            AddContent(item, vector);
            items[item] = Unit(vector);
        }
        return new TowerVectors(users, items, loss);
    }

    private static float[]? Unit(float[] vector) => Normalize(vector) > 0 ? vector : null;

    /// <summary>Scales to length 1 and returns the length it had; a zero vector stays.</summary>
    private static float Normalize(Span<float> vector)
    {
        var norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0)
            TensorPrimitives.Divide(vector, norm, vector);
        return norm;
    }

    /// <summary>Gradient by the vector before scaling, from that by the unit vector: (g − y ⟨y, g⟩) / length.</summary>
    private static void ThroughNorm(ReadOnlySpan<float> unit, float norm, Span<float> gradient)
    {
        TensorPrimitives.MultiplyAdd(unit, -TensorPrimitives.Dot(unit, gradient), gradient, gradient);
        if (norm > 0)
            TensorPrimitives.Divide(gradient, norm, gradient);
    }

    /// <summary>Buffers of one step.</summary>
    private sealed class Step(int batch, int dimension)
    {
        public int[] Users { get; } = new int[batch];
        public int[] Items { get; } = new int[batch];
        public float[] LogQ { get; } = new float[batch];
        public bool[] Dropped { get; } = new bool[batch];
        public float[] UserNorms { get; } = new float[batch];
        public float[] ItemNorms { get; } = new float[batch];
        public float[] UserVectors { get; } = new float[batch * dimension];
        public float[] ItemVectors { get; } = new float[batch * dimension];
        public float[] UserGradients { get; } = new float[batch * dimension];
        public float[] ItemGradients { get; } = new float[batch * dimension];
        public List<(int Row, int Position, float Weight)> Entries { get; } = [];
    }
}
