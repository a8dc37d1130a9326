using System.Buffers;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// A block ready to serve. With Â = Σ x·xᵀ + λI = L·Lᵀ: the width is √(xᵀÂ⁻¹x) = |L⁻¹x|, a sum of squares, so it needs no more than float. The
/// mean is that of ridge regression on r − c, where c is the mean reward of all actions: c + (Â⁻¹(b − c·a))·x, with a = Σ x the bias column of
/// Σ x·xᵀ. Both solves are kept apart because c moves with every interaction and the block does not.
/// </summary>
internal sealed class SolvedBlock
{
    private readonly float[] _inverseFactor;
    private readonly double[] _rewardWeights;
    private readonly double[] _biasWeights;

    private SolvedBlock(UInt128 digest, float[] inverseFactor, double[] rewardWeights, double[] biasWeights)
    {
        Digest = digest;
        _inverseFactor = inverseFactor;
        _rewardWeights = rewardWeights;
        _biasWeights = biasWeights;
    }

    /// <summary>Of the sums this was solved from: the same sums need not be solved again.</summary>
    public UInt128 Digest { get; }

    /// <summary>D.</summary>
    public int Dimension => _rewardWeights.Length;

    /// <summary>Identifies sums.</summary>
    public static UInt128 DigestOf(ReadOnlySpan<double> gram, ReadOnlySpan<double> moments)
    {
        var hash = new XxHash128();
        hash.Append(MemoryMarshal.AsBytes(gram));
        hash.Append(MemoryMarshal.AsBytes(moments));
        return hash.GetCurrentHashAsUInt128();
    }

    /// <summary>Solves a block. D³/3 multiplications.</summary>
    /// <param name="digest">From <see cref="DigestOf"/>.</param>
    /// <param name="gram">Σ x·xᵀ, packed lower triangle by rows.</param>
    /// <param name="moments">Σ r·x, length D.</param>
    /// <param name="ridge">λ.</param>
    public static SolvedBlock Solve(UInt128 digest, ReadOnlySpan<double> gram, ReadOnlySpan<double> moments, double ridge)
    {
        var dimension = moments.Length;
        var rented = ArrayPool<double>.Shared.Rent(2 * gram.Length + 2 * dimension);
        var factor = rented.AsSpan(0, gram.Length);
        var inverse = rented.AsSpan(gram.Length, gram.Length);
        var scratch = rented.AsSpan(2 * gram.Length, dimension);
        var column = rented.AsSpan(2 * gram.Length + dimension, dimension);
        gram.CopyTo(factor);
        PackedLower.Cholesky(factor, dimension, ridge);
        PackedLower.InvertFactor(factor, dimension, inverse);

        var rewardWeights = new double[dimension];
        PackedLower.Solve(inverse, moments, scratch, rewardWeights);
        for (var i = 0; i < dimension; i++)
            column[i] = gram[PackedLower.Row(i)];
        var biasWeights = new double[dimension];
        PackedLower.Solve(inverse, column, scratch, biasWeights);

        var inverseFactor = new float[gram.Length];
        TensorPrimitives.ConvertTruncating<double, float>(inverse, inverseFactor);
        ArrayPool<double>.Shared.Return(rented);
        return new SolvedBlock(digest, inverseFactor, rewardWeights, biasWeights);
    }

    /// <summary>The weights of which <see cref="Predict"/> is the product with the features, where the first feature is the bias.</summary>
    /// <param name="centre">c.</param>
    public double[] Weights(double centre)
    {
        var weights = new double[Dimension];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = _rewardWeights[i] - centre * _biasWeights[i];
        weights[0] += centre;
        return weights;
    }

    /// <summary>Mean and variance of the mean. D·(number of features) multiplications, no allocation.</summary>
    /// <param name="indices">Features that are not 0.</param>
    /// <param name="values">All features by index; those from D on have never been seen here.</param>
    /// <param name="centre">c.</param>
    /// <param name="ridge">λ.</param>
    public (double Mean, double Variance) Predict(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, double centre, double ridge)
    {
        var dimension = Dimension;
        Span<float> projected = stackalloc float[dimension];
        projected.Clear();
        double rewardPart = 0, biasPart = 0, seen = 0, unseen = 0;
        foreach (var j in indices)
        {
            var value = values[j];
            if (j >= dimension)
            {
                unseen += (double)value * value;
                continue;
            }
            seen += (double)value * value;
            rewardPart += value * _rewardWeights[j];
            biasPart += value * _biasWeights[j];
            var column = _inverseFactor.AsSpan(PackedLower.Column(j, dimension), dimension - j);
            TensorPrimitives.MultiplyAdd(column, value, projected[j..], projected[j..]);
        }
        // What was learned only narrows the prior's width; more, or no number, is rounding in a badly conditioned block.
        double variance = TensorPrimitives.Dot<float>(projected, projected), prior = seen / ridge;
        return (centre + rewardPart - centre * biasPart, (variance <= prior ? variance : prior) + unseen / ridge);
    }
}
