using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.CommandLine;

/// <summary>A command whose help ends with more than its options.</summary>
internal interface IExplainedCommand
{
    /// <summary>Writes the rest of the help.</summary>
    void Explain(TextWriter output);
}

/// <summary>The usual help, and below it what a command adds, such as the parameters that <c>--set</c> takes.</summary>
internal sealed class HelpWithParameters : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        ArgumentNullException.ThrowIfNull(parseResult);
        var code = new HelpAction().Invoke(parseResult);
        if (parseResult.CommandResult.Command is IExplainedCommand explained)
            explained.Explain(parseResult.InvocationConfiguration.Output);
        return code;
    }

    /// <summary>Lists the parameters of every policy kind with default, range and meaning.</summary>
    public static void WritePolicyParameters(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("Parameters of the policies (--set name=value):");
        foreach (var kind in PolicyCatalog.Kinds.Values)
        {
            output.WriteLine($"  {kind.Name}{(kind.Hyperparameters.Count == 0 ? ": none" : "")}");
            WriteParameters(output, kind.Hyperparameters);
        }
    }

    /// <summary>Lists what a simulation can compare with, meaning and parameters.</summary>
    public static void WriteRivals(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine();
        output.WriteLine("Policies to compare with, which no experiment can name:");
        foreach (var rival in RivalCatalog.Rivals.Values)
        {
            output.WriteLine($"  {rival.Name}: {rival.Summary}");
            WriteParameters(output, rival.Hyperparameters);
        }
    }

    /// <summary>Lists parameters, one paragraph each.</summary>
    public static void WriteParameters(TextWriter output, IEnumerable<Hyperparameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (var parameter in parameters)
        {
            output.WriteLine($"    {parameter.Name} (default {parameter.Default}{Range(parameter)})");
            output.WriteLine($"      {parameter.Summary}");
        }
    }

    private static string Range(Hyperparameter parameter)
    {
        if (parameter.Choices is { } choices)
            return $"; {string.Join(" | ", choices)}";
        var least = double.IsFinite(parameter.Minimum);
        var most = double.IsFinite(parameter.Maximum);
        return (least, most) switch
        {
            (true, true) => string.Create(CultureInfo.InvariantCulture, $"; {parameter.Minimum} to {parameter.Maximum}"),
            (true, false) => string.Create(CultureInfo.InvariantCulture, $"; at least {parameter.Minimum}"),
            (false, true) => string.Create(CultureInfo.InvariantCulture, $"; at most {parameter.Maximum}"),
            _ => "",
        };
    }
}
