using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory.Keys;

/// <summary>
/// Makes the vectors that an error memory hashes. Frozen, so that samples of long ago lie where a decision of now looks for them; made anew now and then, under another
/// <see cref="KeySpace"/>. Immutable, allocation-free.
/// </summary>
internal abstract class FrozenKeys(KeySpace space, int dimension)
{
    /// <summary>Form of the bytes.</summary>
    protected const long InputForm = 1, HiddenForm = 2;

    /// <summary>Names them.</summary>
    public KeySpace Space { get; } = space;

    /// <summary>D: numbers of a vector.</summary>
    public int Dimension { get; } = dimension;

    /// <summary>Whether vectors know an action. One that has no features is told from others by <see cref="ActionSalt"/>.</summary>
    public static bool Know(PolicySpec spec, in Candidate candidate) => spec.Features.ActionVector > 0 || !candidate.Features.Sparse.IsEmpty;

    /// <summary>Makes the vectors of all candidates.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="rows">Shape [K, D], written, centred; or [1, D] where no candidate has features.</param>
    public abstract void Fill(in DecisionQuery query, Span<float> rows);

    /// <summary>Reads keys that were written by <see cref="IKeySource"/> or <see cref="InputStatistics"/>.</summary>
    /// <exception cref="SnapshotFormatException">They are something else.</exception>
    public static FrozenKeys Read(ReadOnlySpan<byte> bytes, PolicySpec spec)
    {
        var reader = new StateReader(bytes, "The keys of an error memory");
        var space = new KeySpace((ulong)reader.Long());
        var form = reader.Long(InputForm, HiddenForm);
        FrozenKeys keys = form == InputForm ? InputKeys.Read(ref reader, spec, space) : HiddenKeys.Read(ref reader, spec, space);
        reader.End();
        return keys;
    }
}
