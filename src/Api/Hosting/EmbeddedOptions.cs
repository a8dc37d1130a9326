using System.ComponentModel.DataAnnotations;

namespace Recsys.Api.Hosting;

/// <summary>Running everything in one process.</summary>
public sealed class EmbeddedOptions
{
    /// <summary>Where it is configured.</summary>
    public const string SectionName = "Embedded";

    /// <summary>Where log, parameters, checkpoints and experiments are kept; relative to the working directory.</summary>
    [Required, MinLength(1)]
    public string DataDirectory { get; init; } = "./data";

    /// <summary>Whether an experiment <c>demo</c> is created when there is none at all.</summary>
    public bool SeedDemo { get; init; } = true;
}
