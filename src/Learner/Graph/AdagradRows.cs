namespace Recsys.Learner.Graph;

/// <summary>A table of learned vectors, each element with a step size of its own (Adagrad; Duchi, Hazan and Singer 2011), so that rare rows learn fast.</summary>
/// <param name="rows">Number of vectors.</param>
/// <param name="dimension">Length of a vector.</param>
/// <param name="rate">Step size of an element at its first gradient, above 0.</param>
public sealed class AdagradRows(int rows, int dimension, float rate)
{
    /// <summary>Keeps the first step of an element with a tiny gradient small.</summary>
    private const float Floor = 1e-2f;

    private readonly float[] _values = new float[(long)rows * dimension];
    private readonly float[] _squares = new float[(long)rows * dimension];

    /// <summary>A vector, to read or to initialise.</summary>
    public Span<float> this[int row] => new(_values, checked(row * dimension), dimension);

    /// <summary>One step against a gradient.</summary>
    public void Step(int row, ReadOnlySpan<float> gradient)
    {
        var values = this[row];
        var squares = _squares.AsSpan(row * dimension, dimension);
        for (var k = 0; k < gradient.Length; k++)
        {
            squares[k] += gradient[k] * gradient[k];
            values[k] -= rate * gradient[k] / (MathF.Sqrt(squares[k]) + Floor);
        }
    }
}
