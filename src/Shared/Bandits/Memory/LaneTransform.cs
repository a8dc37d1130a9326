using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Memory;

/// <summary>
/// Random signs and a Walsh-Hadamard transform of sixteen vectors at once, one in each lane: shape [N, <see cref="Width"/>]. No number meets another lane, so
/// that butterflies are additions of whole registers, and a vector has the same bits in any company and on any machine.
/// </summary>
/// <remarks>
/// Unnormalised: only signs of the result are asked for. The log₂ N stages are taken four or three at a time within registers, which is 2 passes over memory for
/// N = 128 instead of 7. O(N log N) additions.
/// </remarks>
internal static unsafe class LaneTransform
{
    /// <summary>Vectors that are transformed at once.</summary>
    public const int Width = 16;

    /// <summary>Least log₂ N: from here on the stages split into fours and threes.</summary>
    public const int LogMin = 6;

    // Not inlined, compiled fully at first use: see DenseKernels.
    private const MethodImplOptions Hot = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;

    /// <summary>to = H · diag(signs) · from.</summary>
    /// <param name="log">log₂ N, at least <see cref="LogMin"/>.</param>
    /// <param name="from">Shape [N, <see cref="Width"/>].</param>
    /// <param name="signs">Length N: the sign bit where the number changes its sign, else 0.</param>
    /// <param name="to">Shape [N, <see cref="Width"/>], written; may be <paramref name="from"/>.</param>
    public static void SignAndTransform(int log, float* from, uint* signs, float* to)
    {
        // The largest strides first; signs are flipped while numbers are loaded for the first time.
        var left = log;
        var four = log % 3;
        if (four > 0)
        {
            left -= 4;
            Sixteen(1 << log, 1 << left, from, signs, to);
            four--;
        }
        else
        {
            left -= 3;
            Eight(1 << log, 1 << left, from, signs, to);
        }
        for (; left > 0; four--)
        {
            if (four > 0)
            {
                left -= 4;
                Sixteen(1 << log, 1 << left, to, null, to);
            }
            else
            {
                left -= 3;
                Eight(1 << log, 1 << left, to, null, to);
            }
        }
    }

    [MethodImpl(Hot)]
    private static void Eight(int length, int stride, float* from, uint* signs, float* to)
    {
        var step = (nint)stride * Width;
        for (var start = 0; start < length; start += 8 * stride)
        {
            for (var i = start; i < start + stride; i++)
            {
                var x = from + (nint)i * Width;
                Lanes a0 = Vector512.Load(x), a1 = Vector512.Load(x + step), a2 = Vector512.Load(x + 2 * step), a3 = Vector512.Load(x + 3 * step);
                Lanes a4 = Vector512.Load(x + 4 * step), a5 = Vector512.Load(x + 5 * step), a6 = Vector512.Load(x + 6 * step), a7 = Vector512.Load(x + 7 * step);
                if (signs != null)
                {
                    var s = signs + i;
                    a0 = Flip(a0, s[0]);
                    a1 = Flip(a1, s[stride]);
                    a2 = Flip(a2, s[2 * stride]);
                    a3 = Flip(a3, s[3 * stride]);
                    a4 = Flip(a4, s[4 * stride]);
                    a5 = Flip(a5, s[5 * stride]);
                    a6 = Flip(a6, s[6 * stride]);
                    a7 = Flip(a7, s[7 * stride]);
                }
                StoreEight(to + (nint)i * Width, step, a0, a1, a2, a3, a4, a5, a6, a7);
            }
        }
    }

    [MethodImpl(Hot)]
    private static void Sixteen(int length, int stride, float* from, uint* signs, float* to)
    {
        var step = (nint)stride * Width;
        for (var start = 0; start < length; start += 16 * stride)
        {
            for (var i = start; i < start + stride; i++)
            {
                var x = from + (nint)i * Width;
                Lanes a0 = Vector512.Load(x), a1 = Vector512.Load(x + step), a2 = Vector512.Load(x + 2 * step), a3 = Vector512.Load(x + 3 * step);
                Lanes a4 = Vector512.Load(x + 4 * step), a5 = Vector512.Load(x + 5 * step), a6 = Vector512.Load(x + 6 * step), a7 = Vector512.Load(x + 7 * step);
                x += 8 * step;
                Lanes b0 = Vector512.Load(x), b1 = Vector512.Load(x + step), b2 = Vector512.Load(x + 2 * step), b3 = Vector512.Load(x + 3 * step);
                Lanes b4 = Vector512.Load(x + 4 * step), b5 = Vector512.Load(x + 5 * step), b6 = Vector512.Load(x + 6 * step), b7 = Vector512.Load(x + 7 * step);
                if (signs != null)
                {
                    var s = signs + i;
                    a0 = Flip(a0, s[0]);
                    a1 = Flip(a1, s[stride]);
                    a2 = Flip(a2, s[2 * stride]);
                    a3 = Flip(a3, s[3 * stride]);
                    a4 = Flip(a4, s[4 * stride]);
                    a5 = Flip(a5, s[5 * stride]);
                    a6 = Flip(a6, s[6 * stride]);
                    a7 = Flip(a7, s[7 * stride]);
                    s += 8 * stride;
                    b0 = Flip(b0, s[0]);
                    b1 = Flip(b1, s[stride]);
                    b2 = Flip(b2, s[2 * stride]);
                    b3 = Flip(b3, s[3 * stride]);
                    b4 = Flip(b4, s[4 * stride]);
                    b5 = Flip(b5, s[5 * stride]);
                    b6 = Flip(b6, s[6 * stride]);
                    b7 = Flip(b7, s[7 * stride]);
                }
                (a0, b0) = (a0 + b0, a0 - b0);
                (a1, b1) = (a1 + b1, a1 - b1);
                (a2, b2) = (a2 + b2, a2 - b2);
                (a3, b3) = (a3 + b3, a3 - b3);
                (a4, b4) = (a4 + b4, a4 - b4);
                (a5, b5) = (a5 + b5, a5 - b5);
                (a6, b6) = (a6 + b6, a6 - b6);
                (a7, b7) = (a7 + b7, a7 - b7);
                x = to + (nint)i * Width;
                StoreEight(x, step, a0, a1, a2, a3, a4, a5, a6, a7);
                StoreEight(x + 8 * step, step, b0, b1, b2, b3, b4, b5, b6, b7);
            }
        }
    }

    /// <summary>The last three stages, in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreEight(float* x, nint step, Lanes a0, Lanes a1, Lanes a2, Lanes a3, Lanes a4, Lanes a5, Lanes a6, Lanes a7)
    {
        (a0, a4) = (a0 + a4, a0 - a4);
        (a1, a5) = (a1 + a5, a1 - a5);
        (a2, a6) = (a2 + a6, a2 - a6);
        (a3, a7) = (a3 + a7, a3 - a7);
        (a0, a2) = (a0 + a2, a0 - a2);
        (a1, a3) = (a1 + a3, a1 - a3);
        (a4, a6) = (a4 + a6, a4 - a6);
        (a5, a7) = (a5 + a7, a5 - a7);
        (a0 + a1).Store(x);
        (a0 - a1).Store(x + step);
        (a2 + a3).Store(x + 2 * step);
        (a2 - a3).Store(x + 3 * step);
        (a4 + a5).Store(x + 4 * step);
        (a4 - a5).Store(x + 5 * step);
        (a6 + a7).Store(x + 6 * step);
        (a6 - a7).Store(x + 7 * step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes Flip(Lanes numbers, uint sign) => (numbers.AsUInt32() ^ Vector512.Create(sign)).AsSingle();
}
