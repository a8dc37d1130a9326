using Microsoft.Extensions.Options;

namespace Recsys.Infrastructure;

/// <summary>Tells a mistake in the settings from a mistake of ours: the first gets a sentence, the second a stack trace.</summary>
public static class SettingsProblem
{
    /// <summary>The sentence, or null when the settings are not to blame.</summary>
    public static string? Explain(Exception problem) => problem switch
    {
        OptionsValidationException options => string.Join(Environment.NewLine, options.Failures),
        // The two ways in which the binder refuses a section: a key that nothing reads, a value of the wrong kind.
        InvalidOperationException { Message: var message } when message.Contains("ErrorOnUnknownConfiguration", StringComparison.Ordinal) => message,
        InvalidOperationException { Message: var message } when message.StartsWith("Failed to convert configuration value", StringComparison.Ordinal) => message,
        _ => null,
    };
}
