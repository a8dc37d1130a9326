using Microsoft.Extensions.Options;

namespace Recsys.Api.Security;

/// <summary>Turns what stops the start into a sentence for whoever configured it; a stack trace helps only with our own mistakes.</summary>
public static class StartupFailure
{
    /// <summary>The sentence, or null when the failure is not one of configuration.</summary>
    public static string? Explain(Exception problem) => problem switch
    {
        StartupException => problem.Message,
        OptionsValidationException options => string.Join(Environment.NewLine, options.Failures),
        InvalidOperationException { Message: var message } when message.Contains("ErrorOnUnknownConfiguration", StringComparison.Ordinal) => message,
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } => $"{problem.Message} Choose another with --urls http://127.0.0.1:5081.",
        _ => null,
    };
}
