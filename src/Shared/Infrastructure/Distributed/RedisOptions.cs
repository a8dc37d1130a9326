using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Distributed;

/// <summary>How to reach Redis; section <c>Redis</c>.</summary>
public sealed class RedisOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string SectionName = "Redis";

    /// <summary>A StackExchange.Redis configuration string: endpoints and settings separated by commas.</summary>
    public string Configuration { get; set; } = "";

    /// <summary>How long a small command may take. The training loop waits this long at most before it knows that Redis is away.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long parameters or a checkpoint may take: 100 MB over 1 Gbit/s are about a second.</summary>
    public TimeSpan BlobTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long replaced parameters and graph plans stay, for readers that have just seen their head.</summary>
    public TimeSpan ReplacedParametersKept { get; set; } = TimeSpan.FromMinutes(1);
}

/// <summary>Reports everything that is wrong with <see cref="RedisOptions"/> at once.</summary>
public sealed class RedisOptionsValidator : IValidateOptions<RedisOptions>
{
    private static readonly TimeSpan TimeMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(10);

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, RedisOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var problems = new List<string>();
        if (string.IsNullOrWhiteSpace(options.Configuration))
        {
            problems.Add("Redis:Configuration is empty; give host:port of at least one server.");
        }
        else
        {
            try
            {
                ConfigurationOptions.Parse(options.Configuration);
            }
            catch (ArgumentException problem)
            {
                problems.Add($"Redis:Configuration cannot be read: {problem.Message}");
            }
        }
        Time("CommandTimeout", options.CommandTimeout);
        Time("BlobTimeout", options.BlobTimeout);
        Time("ReplacedParametersKept", options.ReplacedParametersKept);
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);

        void Time(string field, TimeSpan value)
        {
            if (value < TimeMin || value > TimeMax)
                problems.Add($"Redis:{field} must lie between {TimeMin} and {TimeMax}, not {value}.");
        }
    }
}
