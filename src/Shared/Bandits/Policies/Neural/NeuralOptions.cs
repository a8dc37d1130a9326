using Recsys.Bandits.Features;
using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The loss that a network minimises.</summary>
internal enum NeuralLoss
{
    /// <summary>½(y − f)², f the output.</summary>
    Square,

    /// <summary>−y·ln s(f) − (1 − y)·ln(1 − s(f)), s the logistic function; y may be any number in [0, 1].</summary>
    Log,
}

/// <summary>What the confidence widths of a network are made of.</summary>
internal enum WidthForm
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>Derivatives by the weights of the action's head: √(Σ h²/(λ + Σ h²)) over the hidden units.</summary>
    Head,

    /// <summary>Derivatives by all weights, each its own variance (NeuralUCB and NeuralTS with a diagonal matrix).</summary>
    Full,
}

/// <summary>What the neural kinds have in common, resolved from their hyperparameters and the schema.</summary>
internal sealed record NeuralOptions(
    FeatureSchema Features,
    RewardRange Reward,
    NeuralLoss Loss,
    int Networks,
    int Hidden,
    IUpdateRule Rule,
    float Rate,
    bool ShiftingRate,
    float Pull,
    double Clip,
    int Batch,
    int Replay,
    int StepEvery,
    double Average,
    bool WatchesDrift,
    int ActionsMax,
    bool SharedHead,
    WidthForm Widths)
{
    /// <summary>Elements of one dense input: context and action side by side.</summary>
    public int Dense => Features.ContextVector + Features.ActionVector;

    /// <summary>Hidden units of all networks, which lie side by side.</summary>
    public int Width => Networks * Hidden;

    /// <summary>What one network has of a block of weights: its columns of every row; where constants of all networks follow, then its own.</summary>
    /// <param name="network">Its number.</param>
    /// <param name="block">Rows of <see cref="Width"/> columns, or one row and a constant for each network.</param>
    public float[] PartOf(int network, ReadOnlySpan<float> block)
    {
        var first = network * Hidden;
        if (block.Length == Width + Networks)
            return [.. block.Slice(first, Hidden), block[Width + network]];
        var part = new float[block.Length / Networks];
        for (var row = 0; row * Width < block.Length; row++)
            block.Slice(row * Width + first, Hidden).CopyTo(part.AsSpan(row * Hidden));
        return part;
    }

    /// <summary>The parameter that all kinds with networks have, and no others.</summary>
    public const string HiddenName = "hidden";

    /// <summary>Hidden units are computed in blocks of so many.</summary>
    public const int Lanes = 16;

    /// <summary>
    /// Most hashed inputs with weights of their own: with 96 units and Adam about 30 MB. Those beyond are not seen by the network, and counted.
    /// </summary>
    public const int HashedInputsMax = 16_384;

    /// <summary>How many rows a step has, by the noise of its gradient; null where that is fixed.</summary>
    public BatchSizeControl? BatchSize { get; init; }

    /// <summary>As many as that, or fewer.</summary>
    public int HashedInputs { get; init; } = HashedInputsMax;

    /// <summary>Below this many rows the noise of a gradient cannot be told either.</summary>
    private const int BatchMin = 8;

    /// <summary>
    /// Most rows of a minibatch, when the newest interaction has so many hashed inputs: 512 inputs together, so that what a step costs is bounded however long contexts
    /// are, and 8 rows at least.
    /// </summary>
    public static int RowsOf(int hashedInputs) => Math.Max(8, 512 / Math.Max(1, hashedInputs));

    /// <summary>Declarations of the parameters read by <see cref="From"/>.</summary>
    public static IReadOnlyList<Hyperparameter> Declared(string loss, int batch = 40) =>
    [
        new("networks", "4", "Networks that are averaged, each with its own beginning and its own replay.", 1, 32, Integer: true),
        new(HiddenName, "96", "Hidden units, in steps of 16.", Lanes, 1024, Integer: true),
        new("loss", loss, "square: half the squared error; log: cross entropy, for rewards that are mostly 0 or 1.", Choices: ["square", "log"]),
        new("optimizer", "adamw", "Rule that turns gradients into steps.", Choices: UpdateRules.Names),
        new("rate", "0.003", "Learning rate.", 0, 10),
        new("rateRule", "constant", "constant; or shifting: falls while the world stands still and rises when it moves.", Choices: ["constant", "shifting"]),
        new("pull", "0.1", "Pull of the weights towards their initial values, in units of the rate: the closed form of the perturbed prediction.", 0, 100),
        new("clip", "10", "Largest norm of a step's gradient, of all networks together; longer ones are shortened.", 1e-6, 1e6),
        new("batch", $"{batch}", "Rows of one step: the newest interaction and others from the replay ring.", 1, 1024, Integer: true),
        new("batchRule", "fixed", "fixed: as many rows as there are; or noise: 8 to that many, as many as the noise of the gradient asks for.", Choices: ["fixed", "noise"]),
        new("replay", "8192", "Interactions kept for replay.", 1, 1 << 20, Integer: true),
        new("stepEvery", "1", "Interactions between two steps of a network; with 2, half of the networks step at each.", 1, 1024, Integer: true),
        new("average", "0.95", "Share of the old in the running average of the weights that is served; 0 serves the newest weights.", 0, 0.9999),
        new("drift", "on", "on: when losses jump, old interactions are no longer replayed and exploration starts over.", Choices: ["on", "off"]),
        new("scope", "auto", "per-action: every action its own output weights; both: also weights that all share; auto: both if actions have vectors.",
            Choices: ["auto", "per-action", "both"]),
        new("actionsMax", "4096", "Actions with weights of their own; further ones share one set.", 1, 1 << 17, Integer: true),
    ];

    /// <summary>Resolves a specification.</summary>
    public static NeuralOptions From(PolicySpec spec, WidthForm widths)
    {
        var parameters = spec.Parameters;
        return new NeuralOptions(
            spec.Features,
            spec.Reward,
            parameters.Choice("loss") == "log" ? NeuralLoss.Log : NeuralLoss.Square,
            parameters.Integer("networks"),
            (parameters.Integer(HiddenName) + Lanes - 1) / Lanes * Lanes,
            UpdateRules.Find(parameters.Choice("optimizer"))!,
            (float)parameters.Number("rate"),
            parameters.Choice("rateRule") == "shifting",
            (float)parameters.Number("pull"),
            parameters.Number("clip"),
            parameters.Integer("batch"),
            parameters.Integer("replay"),
            parameters.Integer("stepEvery"),
            parameters.Number("average"),
            parameters.Choice("drift") == "on",
            parameters.Integer("actionsMax"),
            parameters.Choice("scope") == "both" || (parameters.Choice("scope") == "auto" && spec.Features.ActionVector > 0),
            widths)
        {
            BatchSize = parameters.Choice("batchRule") == "noise"
                ? new BatchSizeControl(Math.Min(BatchMin, parameters.Integer("batch")), parameters.Integer("batch"))
                : null,
        };
    }
}
