using System.Numerics.Tensors;

namespace Recsys.Learner.Graph;

/// <summary>
/// Sampled softmax whose negatives are the other items of the batch, corrected for how often each item is sampled (Yi et al., "Sampling-bias-corrected neural
/// modeling for large corpus item recommendations", RecSys 2019, eq. 3 and 4): logit(i, j) = ⟨user i, item j⟩ / τ − log q(j), and the loss of row i
/// is −log softmax at j = i. An item that stands in the batch twice is not a negative of itself.
/// </summary>
/// <remarks>
/// Work is shared between cores by rows of the result; each row is computed by one core in a fixed order, so the result has the same bits whatever the number of
/// cores. O(B²·D) time, O(B²) memory.
/// </remarks>
/// <param name="batchMax">Most rows B of a batch.</param>
/// <param name="dimension">Length D of the vectors.</param>
/// <param name="temperature">τ, above 0.</param>
public sealed class InBatchSoftmax(int batchMax, int dimension, float temperature)
{
    /// <summary>Rows that one core takes at a time.</summary>
    private const int Chunk = 16;

    private readonly float[] _logits = new float[batchMax * batchMax];
    private readonly double[] _losses = new double[batchMax];

    /// <summary>Loss and gradients of one batch.</summary>
    /// <param name="users">User vectors, shape [B, D].</param>
    /// <param name="items">Item vectors, shape [B, D].</param>
    /// <param name="keys">Which item stands in each row, shape [B].</param>
    /// <param name="logQ">Log of each row's item's probability of being sampled, shape [B].</param>
    /// <param name="count">B, at least 1.</param>
    /// <param name="userGradients">Receives the gradient of the summed loss, shape [B, D].</param>
    /// <param name="itemGradients">Receives the gradient of the summed loss, shape [B, D].</param>
    /// <param name="parallel">How many cores may work.</param>
    /// <returns>The summed loss.</returns>
    public double Evaluate(
        float[] users, float[] items, int[] keys, float[] logQ, int count, float[] userGradients, float[] itemGradients, ParallelOptions parallel)
    {
        ArgumentNullException.ThrowIfNull(parallel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, batchMax);
        var chunks = (count + Chunk - 1) / Chunk;
        Parallel.For(0, chunks, parallel, chunk =>
        {
            for (var i = chunk * Chunk; i < Math.Min(count, (chunk + 1) * Chunk); i++)
                Row(users, items, keys, logQ, count, i, userGradients.AsSpan(i * dimension, dimension));
        });
        Parallel.For(0, chunks, parallel, chunk =>
        {
            for (var j = chunk * Chunk; j < Math.Min(count, (chunk + 1) * Chunk); j++)
            {
                var gradient = itemGradients.AsSpan(j * dimension, dimension);
                gradient.Clear();
                for (var i = 0; i < count; i++)
                    TensorPrimitives.MultiplyAdd(users.AsSpan(i * dimension, dimension), _logits[i * batchMax + j], gradient, gradient);
            }
        });
        double loss = 0;
        for (var i = 0; i < count; i++)
            loss += _losses[i];
        return loss;
    }

    /// <summary>Leaves in the logits of row i the derivative of its loss by each inner product.</summary>
    private void Row(float[] users, float[] items, int[] keys, float[] logQ, int count, int i, Span<float> gradient)
    {
        var user = users.AsSpan(i * dimension, dimension);
        var row = _logits.AsSpan(i * batchMax, count);
        for (var j = 0; j < count; j++)
        {
            row[j] = j != i && keys[j] == keys[i]
                ? float.NegativeInfinity
                : TensorPrimitives.Dot(user, items.AsSpan(j * dimension, dimension)) / temperature - logQ[j];
        }
        var most = TensorPrimitives.Max<float>(row);
        var own = row[i];
        double sum = 0;
        for (var j = 0; j < count; j++)
        {
            row[j] = MathF.Exp(row[j] - most);
            sum += row[j];
        }
        _losses[i] = Math.Log(sum) + most - own;
        TensorPrimitives.Multiply(row, (float)(1 / (sum * temperature)), row);
        row[i] -= 1 / temperature;
        gradient.Clear();
        for (var j = 0; j < count; j++)
            TensorPrimitives.MultiplyAdd(items.AsSpan(j * dimension, dimension), row[j], gradient, gradient);
    }
}
