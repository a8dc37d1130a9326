using System.CommandLine;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Classification;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate classification</c>: see contract section 4.</summary>
internal sealed class SimulateClassificationCommand : Command, IExplainedCommand
{
    private readonly Option<string> _data = new("--data")
    {
        Description = "CSV file, plain or gzip: header line, last column is the class, non-numeric columns are categorical, ? or empty is missing.",
        HelpName = "file",
        Required = true,
    };

    private readonly Option<string> _policy = SimulationOptions.Policy();
    private readonly Option<long> _rounds = SimulationOptions.Rounds(10_000);
    private readonly Option<long> _seed = SimulationOptions.Seed();
    private readonly Option<int> _delay = SimulationOptions.Delay();
    private readonly Option<int> _batch = SimulationOptions.Batch(1);
    private readonly Option<long?> _shiftAt = SimulationOptions.ShiftAt();

    private readonly Option<string> _memory = SimulationOptions.Memory();
    private readonly Option<string[]> _memorySet = SimulationOptions.MemorySet();
    private readonly Option<string[]> _set = SimulationOptions.Set();
    private readonly Option<string?> _curve = SimulationOptions.Curve("regret");
    private readonly Option<bool> _json = SimulationOptions.Json();

    /// <summary>The command.</summary>
    public SimulateClassificationCommand()
        : base("classification", "Bandit simulation on a labelled CSV: the row is the context, the classes are the actions, the right one pays 1.")
    {
        foreach (Option option in new Option[] { _data, _policy, _rounds, _seed, _delay, _batch, _shiftAt, _memory, _memorySet, _set, _curve, _json })
            Add(option);
        // On a pool thread, so that Ctrl+C can cancel it.
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    /// <inheritdoc/>
    public void Explain(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("""
            How it works:
              Numeric columns are the context vector as they are, every other column is a hashed category: what a client would send. Scaling is the policy's.
              Rows are shuffled by the seed; when they are used up they are shuffled again. Decisions take the code path of the service; each batch
              is learned and published before a later decision sees it.

            Result (--json: one object on the last line):
              policy, rounds, actions, features   what ran
              regret                              wrong decisions: the best reward of every round is 1
              regretAfterShift                    the same from --shift-at on; null without it
              meanPropensity                      mean probability with which the chosen actions were drawn
              seconds                             wall time of the rounds, reading the file not counted
              decisionsPerSecond                  decisions per second of estimating and drawing
              learnedPerSecond                    interactions per second of learning, publishing not counted
              squaredError                        mean squared difference of reward and expectation, before learning from it
              logLoss, logLossAfterShift          mean log loss of the expectation of the chosen action, before learning from it

            """);
        HelpWithParameters.WritePolicyParameters(output);
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var output = parsed.InvocationConfiguration.Output;
        var options = new ClassificationOptions(
            parsed.GetRequiredValue(_policy),
            parsed.GetValue(_rounds),
            parsed.GetValue(_seed),
            parsed.GetValue(_delay),
            parsed.GetValue(_batch),
            parsed.GetValue(_shiftAt),
            SimulationOptions.Pairs(parsed.GetValue(_set)),
            SimulationOptions.Memory(parsed.GetValue(_memory), parsed.GetValue(_memorySet)));
        var data = ClassificationFile.Read(parsed.GetRequiredValue(_data));
        var curve = new List<CurvePoint>(CurvePoint.Most);
        // Opened first: a file that cannot be written should not cost a run.
        using var file = parsed.GetValue(_curve) is { } path ? File.CreateText(path) : null;
        var result = ProgressReporter.Run(
            parsed.InvocationConfiguration.Error, $"simulate {options.Policy}", options.Rounds,
            progress => ClassificationSimulation.Run(data, options, progress, curve, cancellation));
        file?.Write(CurveFile.Text("regret", curve));
        if (parsed.GetValue(_json))
            ResultWriter.WriteJson(output, result, SimulationJsonContext.Default.ClassificationResult);
        else
            ResultWriter.WriteTable(output, result, SimulationJsonContext.Default.ClassificationResult);
        return 0;
    }
}
