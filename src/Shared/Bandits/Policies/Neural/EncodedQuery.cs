using System.Buffers;
using System.Numerics.Tensors;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// One decision as the networks of an ensemble see it: everything scaled and looked up once. Line 0 is the context, line 1 + k the action of candidate k; there are no
/// lines for actions where none of them has features.
/// </summary>
internal readonly ref struct EncodedQuery
{
    private readonly float[] _floats;
    private readonly int[] _integers;
    private readonly int _start;
    private readonly int _hashed;

    /// <summary>Encodes; <see cref="Return"/> gives the memory back.</summary>
    public EncodedQuery(in DecisionQuery query, FrozenInputs inputs)
    {
        Candidates = query.Candidates.Length;
        var hashed = query.Context.Sparse.Length;
        var actionHashed = 0;
        foreach (ref readonly var candidate in query.Candidates)
            actionHashed += candidate.Features.Sparse.Length;
        _hashed = hashed + actionHashed;
        HasActions = inputs.Options.Features.ActionVector > 0 || actionHashed > 0;
        Lines = HasActions ? Candidates : 0;
        ActionLength = inputs.Options.Features.ActionVector;
        ContextLength = inputs.Options.Features.ContextVector;
        var (floats, hasSquares) = (Floats, inputs.Options.Widths == WidthForm.Full);
        _floats = ArrayPool<float>.Shared.Rent((hasSquares ? 2 : 1) * floats + 1);
        // Heads, ends of the lines' hashed inputs, and their rows.
        _integers = ArrayPool<int>.Shared.Rent(Candidates + 1 + Lines + _hashed);
        inputs.Scale(query.Context.Dense.Span, 0, _floats.AsSpan(0, ContextLength));
        var at = AddHashed(query.Context.Sparse.Span, inputs, isAction: false, 0);
        _integers[Candidates] = at;
        for (var k = 0; k < Candidates; k++)
        {
            ref readonly var candidate = ref query.Candidates[k];
            _integers[k] = inputs.HeadOf(candidate.Key);
            if (!HasActions)
                continue;
            inputs.Scale(candidate.Features.Dense.Span, ContextLength, _floats.AsSpan(ContextLength + k * ActionLength, ActionLength));
            at = AddHashed(candidate.Features.Sparse.Span, inputs, isAction: true, at);
            _integers[Candidates + 1 + k] = at;
        }
        if (hasSquares)
            TensorPrimitives.Multiply(_floats.AsSpan(0, floats), _floats.AsSpan(0, floats), _floats.AsSpan(floats, floats));
    }

    private EncodedQuery(EncodedQuery query, int start)
    {
        this = query;
        _start = start;
    }

    /// <summary>K.</summary>
    public int Candidates { get; }

    /// <summary>Whether hidden units depend on the action.</summary>
    public bool HasActions { get; }

    /// <summary>Lines of actions: K, or 0.</summary>
    public int Lines { get; }

    /// <summary>Length of a context vector.</summary>
    public int ContextLength { get; }

    /// <summary>Length of an action vector.</summary>
    public int ActionLength { get; }

    /// <summary>Number of each candidate's head, −1 for none.</summary>
    public ReadOnlySpan<int> Heads => _integers.AsSpan(0, Candidates);

    /// <summary>The scaled context vector.</summary>
    public ReadOnlySpan<float> Context => _floats.AsSpan(_start, ContextLength);

    /// <summary>The scaled action vectors, [candidate][element].</summary>
    public ReadOnlySpan<float> Actions => _floats.AsSpan(_start + ContextLength, Lines * ActionLength);

    /// <summary>Rows of the hashed inputs of a line.</summary>
    public ReadOnlySpan<int> Rows(int line) => _integers.AsSpan(Candidates + 1 + Lines, _hashed)[Start(line)..End(line)];

    /// <summary>Values of the hashed inputs of a line.</summary>
    public ReadOnlySpan<float> Values(int line) => _floats.AsSpan(_start + ContextLength + Lines * ActionLength, _hashed)[Start(line)..End(line)];

    /// <summary>The same with every input squared; only where widths are of all weights.</summary>
    public EncodedQuery Squares => new(this, Floats);

    /// <summary>Gives the memory back.</summary>
    public void Return()
    {
        ArrayPool<float>.Shared.Return(_floats);
        ArrayPool<int>.Shared.Return(_integers);
    }

    private int Floats => ContextLength + Lines * ActionLength + _hashed;

    private int Start(int line) => line == 0 ? 0 : _integers[Candidates + line - 1];

    private int End(int line) => _integers[Candidates + line];

    private int AddHashed(ReadOnlySpan<SparseFeature> features, FrozenInputs inputs, bool isAction, int at)
    {
        foreach (var feature in features)
        {
            var row = inputs.RowOf(feature.Hash, isAction);
            var value = NetworkInputs.Value(feature.Value);
            // What nobody has learned about says nothing.
            if (row < 0 || value == 0)
                continue;
            _integers[Candidates + 1 + Lines + at] = row;
            _floats[ContextLength + Lines * ActionLength + at] = value;
            at++;
        }
        return at;
    }
}
