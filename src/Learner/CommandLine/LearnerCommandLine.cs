using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.CommandLine;

/// <summary>The command line of the learner: builds the verbs, runs one, turns every failure into one clear line and an exit code.</summary>
public static class LearnerCommandLine
{
    /// <summary>Exit code of a verb that ran and failed.</summary>
    public const int Failed = 1;

    /// <summary>Exit code of a command line that asks for something that does not exist or is out of range.</summary>
    public const int Misused = 2;

    /// <summary>Exit code after Ctrl+C, as shells have it (128 + SIGINT).</summary>
    public const int Interrupted = 130;

    private const string DefaultVerb = "run";

    /// <summary>Parses and runs.</summary>
    /// <param name="arguments">As given to the process.</param>
    /// <param name="output">Receives results and help.</param>
    /// <param name="error">Receives progress and the line that says what went wrong.</param>
    /// <returns>The exit code: 0 only on success.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(error);
        var root = Build();
        var parsed = root.Parse(WithVerb(root, arguments));
        if (parsed.Action is ParseErrorAction || (parsed.Errors.Count > 0 && parsed.Action is not { ClearsParseErrors: true }))
        {
            foreach (var problem in parsed.Errors)
                await error.WriteLineAsync(problem.Message);
            await error.WriteLineAsync("Run the same with --help to see what is possible.");
            return Misused;
        }
        var invocation = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (SimulationOptionsException e)
        {
            await error.WriteLineAsync(e.Message);
            return Misused;
        }
        catch (DataFileException e)
        {
            await error.WriteLineAsync(e.Message);
            return Failed;
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Interrupted.");
            return Interrupted;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync($"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            return Failed;
        }
    }

    /// <summary>All verbs.</summary>
    public static RootCommand Build()
    {
        var root = new RootCommand(
            "Recsys learner: turns the event log of contextual bandit experiments into parameters. Without a verb it runs the learning service.")
        {
            RunCommand.Create(),
            SimulateCommand.Create(),
            ReplayCommand.Create(),
            GraphCommand.Create(),
        };
        foreach (var help in root.Options.OfType<HelpOption>())
            help.Action = new HelpWithParameters();
        return root;
    }

    /// <summary>Without a verb the default one runs; options alone belong to it too.</summary>
    private static IReadOnlyList<string> WithVerb(RootCommand root, IReadOnlyList<string> arguments)
    {
        var known = root.Subcommands.Any(static c => c.Name == DefaultVerb);
        var first = arguments.Count == 0 ? null : arguments[0];
        var bare = first is null || (first.StartsWith('-') && first is not ("--help" or "-h" or "-?" or "--version"));
        return known && bare ? [DefaultVerb, .. arguments] : arguments;
    }
}
