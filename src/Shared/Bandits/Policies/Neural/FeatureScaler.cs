using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// Brings every dense input to about zero mean and unit variance by statistics of what has been seen so far; nobody has to know the scale of a feature in advance. An
/// input that is mostly 0 is not centred: its zeros mean "absent". A deviation is at least an eighth of the range, so that the first departure from a constant does not
/// look like an outlier of hundreds. A constant input is 0, no information.
/// </summary>
internal sealed class FeatureScaler(int length)
{
    /// <summary>Scaled values end here: one wild number must not drown the others.</summary>
    public const float Limit = 5;

    /// <summary>Inputs larger than this are taken for this; their squares still add up in a double.</summary>
    private const float Largest = 1e18f;

    private const double RangeShare = 0.125;

    // A rule for the first rounds, when every observation moves the statistics, and one for later, when none does.
    private const int EagerObservations = 64, LazyEvery = 16;

    /// <summary>Numbers of one input in <see cref="State"/>: mean, sum of squared deviations, minimum, maximum, zeros.</summary>
    private const int Fields = 5;

    /// <summary>Observations so far.</summary>
    public long Count { get; set; }

    /// <summary>All statistics, <c>[input][field]</c>; with <see cref="Count"/> the whole state.</summary>
    public double[] State { get; } = new double[Fields * length];

    /// <summary>Whether inputs can have led here; for those who read it from bytes.</summary>
    public bool IsValid
    {
        get
        {
            for (var i = 0; i < length; i++)
            {
                var (mean, squares, least, most, zeros) = (State[Fields * i], State[Fields * i + 1], State[Fields * i + 2], State[Fields * i + 3], State[Fields * i + 4]);
                var squaresMax = 8.0 * Largest * Largest * Math.Max(1, Count);
                if (!(IsInput(mean) && squares >= 0 && squares <= squaresMax && IsInput(least) && IsInput(most) && least <= most && zeros >= 0 && zeros <= Count))
                    return false;
            }
            return true;
        }
    }

    /// <summary>What is subtracted from each input.</summary>
    public float[] Shift { get; } = new float[length];

    /// <summary>What each input is then multiplied with.</summary>
    public float[] Scale { get; } = new float[length];

    /// <summary>Takes one input vector into account.</summary>
    public void Observe(ReadOnlySpan<float> inputs)
    {
        Count++;
        for (var i = 0; i < length; i++)
        {
            var value = (double)Usable(inputs[i]);
            var field = State.AsSpan(Fields * i, Fields);
            var change = value - field[0];
            field[0] += change / Count;
            field[1] += change * (value - field[0]);
            field[2] = Count == 1 ? value : Math.Min(field[2], value);
            field[3] = Count == 1 ? value : Math.Max(field[3], value);
            field[4] += value == 0 ? 1 : 0;
        }
        if (Count <= EagerObservations || Count % LazyEvery == 0)
            Refresh();
    }

    /// <summary>Recomputes shifts and scales; of the same state always the same.</summary>
    public void Refresh()
    {
        for (var i = 0; i < length; i++)
        {
            var field = State.AsSpan(Fields * i, Fields);
            var mean = field[0];
            var isSparse = 2 * field[4] > Count;
            var variance = field[1] / Math.Max(1, Count) + (isSparse ? mean * mean : 0);
            var deviation = Math.Max(Math.Sqrt(variance), RangeShare * (field[3] - field[2]));
            Shift[i] = isSparse ? 0 : (float)mean;
            // Below the resolution of the floats that came in there is only rounding.
            Scale[i] = deviation > 1e-6 * Math.Abs(mean) && deviation > 1e-30 ? (float)(1 / deviation) : 0;
        }
    }

    /// <summary>Scales a vector.</summary>
    public void Apply(ReadOnlySpan<float> inputs, Span<float> scaled) => Apply(inputs, Shift, Scale, scaled);

    /// <summary>Scales a vector by given shifts and scales; what it lacks is 0.</summary>
    /// <param name="inputs">Any floats; not-a-number counts as the mean.</param>
    /// <param name="shift">As long.</param>
    /// <param name="scale">As long.</param>
    /// <param name="scaled">As long, written: within ± <see cref="Limit"/>.</param>
    // Compiled fully at first use and by itself, as the kernels of the networks are.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Apply(ReadOnlySpan<float> inputs, ReadOnlySpan<float> shift, ReadOnlySpan<float> scale, Span<float> scaled)
    {
        shift = shift[..inputs.Length];
        scale = scale[..inputs.Length];
        scaled[inputs.Length..].Clear();
        ref var from = ref MemoryMarshal.GetReference(inputs);
        ref var to = ref MemoryMarshal.GetReference(scaled);
        var (largest, limit) = (Vector512.Create(Largest), Vector512.Create(Limit));
        var i = 0;
        for (; i + Vector512<float>.Count <= inputs.Length; i += Vector512<float>.Count)
        {
            var input = Vector512.LoadUnsafe(ref from, (nuint)i);
            var bounded = Vector512.ClampNative(input, -largest, largest);
            var value = (bounded - Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(shift), (nuint)i))
                * Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(scale), (nuint)i);
            // A number is itself. What the clamps make of anything else depends on the machine.
            var isNumber = Vector512.Equals(input, input) & Vector512.Equals(value, value);
            (Vector512.ClampNative(value, -limit, limit) & isNumber).StoreUnsafe(ref to, (nuint)i);
        }
        for (; i < inputs.Length; i++)
            scaled[i] = Scaled(inputs[i], shift[i], scale[i]);
    }

    private static float Scaled(float input, float shift, float scale)
    {
        var value = (Math.Clamp(input, -Largest, Largest) - shift) * scale;
        return float.IsNaN(value) ? 0 : Math.Clamp(value, -Limit, Limit);
    }

    // Rounding may leave a mean a little outside.
    private static bool IsInput(double value) => Math.Abs(value) <= 1.001 * Largest;

    private static float Usable(float value) => float.IsNaN(value) ? 0 : Math.Clamp(value, -Largest, Largest);
}
