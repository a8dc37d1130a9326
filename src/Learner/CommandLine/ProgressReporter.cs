using System.Globalization;
using Spectre.Console;

namespace Recsys.Learner.CommandLine;

/// <summary>Shows how far a long verb is, on standard error: a bar on a terminal, a plain line for every tenth otherwise.</summary>
public static class ProgressReporter
{
    /// <summary>Runs work that reports how much of a total is done.</summary>
    /// <param name="error">Where plain lines go.</param>
    /// <param name="title">What is being done, for people.</param>
    /// <param name="total">The number that means done, at least 1.</param>
    /// <param name="work">Receives the progress to report to; reports come from its own thread.</param>
    public static T Run<T>(TextWriter error, string title, long total, Func<IProgress<long>, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var terminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected
            ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) })
            : null;
        if (terminal is null || !terminal.Profile.Capabilities.Interactive)
            return work(new Lines(error, title, total));
        return terminal.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context => work(new Bar(context.AddTask(Markup.Escape(title), maxValue: total))));
    }

    private sealed class Bar(ProgressTask task) : IProgress<long>
    {
        public void Report(long value) => task.Value = value;
    }

    private sealed class Lines(TextWriter error, string title, long total) : IProgress<long>
    {
        private long _shown = -1;

        public void Report(long value)
        {
            var tenth = 10 * value / total;
            if (tenth == _shown)
                return;
            _shown = tenth;
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title}: {10 * tenth} % ({value:N0} of {total:N0})"));
        }
    }
}
