using Recsys.Infrastructure;
using Recsys.Infrastructure.Local;

namespace Recsys.Api.Hosting;

/// <summary>Turns what stops the start into a sentence for whoever configured it; a stack trace helps only with our own mistakes.</summary>
public static class StartupFailure
{
    /// <summary>The sentence, or null when the failure is not one of configuration.</summary>
    public static string? Explain(Exception problem) => problem switch
    {
        StartupException or DataDirectoryException => problem.Message,
        FormatException when problem.Message.StartsWith("Invalid url", StringComparison.Ordinal) => problem.Message,
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } => $"{problem.Message} Choose another with --urls http://127.0.0.1:5081.",
        _ => SettingsProblem.Explain(problem),
    };
}

/// <summary>The service cannot start like this; the message is for whoever configured it.</summary>
public sealed class StartupException(string message) : Exception(message);
