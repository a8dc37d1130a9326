namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Keeps a tensor in a ball around where it began, ‖θ − θ0‖_F ≤ ρ: the feasible set of online neural regression, one ball per layer (Deb et
/// al., ICLR 2024, arXiv 2312.07145).
/// </summary>
public static class Projection
{
    /// <summary>θ ← θ0 + (θ − θ0)·min(1, ρ/‖θ − θ0‖). Inside the ball every bit stays.</summary>
    /// <param name="tensor">θ, and θ0 or the origin.</param>
    /// <param name="radius">ρ, above 0; infinity is no bound and costs nothing.</param>
    /// <returns>The factor, in (0, 1].</returns>
    public static float Apply(ParameterTensor tensor, float radius)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!(radius > 0))
            throw new ArgumentOutOfRangeException(nameof(radius), radius, "Must be above 0.");
        if (float.IsPositiveInfinity(radius))
            return 1;
        var squared = Distance.Squared(tensor.Values, tensor.Initial);
        if (squared <= (double)radius * radius)
            return 1;
        var factor = (float)(radius / Math.Sqrt(squared));
        Pull.Shrink(tensor, factor);
        return factor;
    }
}
