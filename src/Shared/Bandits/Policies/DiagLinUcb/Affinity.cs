using System.Numerics.Tensors;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// How well a user suits an item before anything was learned about the two: the inner product by which the graph was made (two-tower retrieval). It is not a reward; what it
/// is worth is learned (<see cref="PooledModel.Slope"/>).
/// </summary>
public static class Affinity
{
    /// <summary>Largest affinity. Vectors of usual length stay far below; the bound keeps sums of affinities from overflowing.</summary>
    public const double Most = 8;

    /// <summary>
    /// asinh of the inner product of the user's direction and the item's vector: the product itself where it is small, its logarithm where it is large, so that
    /// vectors of any length are of use. The user's length does not matter, the item's does: it carries the item's bias.
    /// </summary>
    /// <param name="user">The context's vector.</param>
    /// <param name="item">The action's vector.</param>
    /// <returns>In [−<see cref="Most"/>, <see cref="Most"/>]; 0 where there are no two vectors of one length, or one has no direction.</returns>
    public static double Of(ReadOnlySpan<float> user, ReadOnlySpan<float> item) =>
        user.Length == item.Length && !user.IsEmpty ? Of(user, Norm(user), item) : 0;

    /// <summary>As above, with the user's norm at hand: one user meets many items.</summary>
    /// <param name="user">Not empty.</param>
    /// <param name="norm">From <see cref="Norm"/>.</param>
    /// <param name="item">Of the same length.</param>
    public static double Of(ReadOnlySpan<float> user, double norm, ReadOnlySpan<float> item)
    {
        var product = norm > 0 ? TensorPrimitives.Dot(user, item) / norm : 0;
        // Also for what is not finite.
        return Math.Abs(product) < double.PositiveInfinity ? Math.Clamp(Math.Asinh(product), -Most, Most) : 0;
    }

    /// <summary>Length of a vector, 0 where it has none that is finite.</summary>
    public static double Norm(ReadOnlySpan<float> vector)
    {
        var norm = TensorPrimitives.Norm(vector);
        return float.IsFinite(norm) ? norm : 0;
    }
}
