using Recsys.Infrastructure.Events;

namespace Recsys.Api.Tests.Served;

/// <summary>A running service as its clients see it: one or more Apis. What is behind them is no business of theirs.</summary>
public interface IDeployment
{
    /// <summary>For people who read the output of a test.</summary>
    string Name { get; }

    /// <summary>The Apis, each as good as any other.</summary>
    IReadOnlyList<ServiceProcess> Apis { get; }

    /// <summary>Checkpoints every so often, so that a process that is killed within seconds leaves some behind and misses others.</summary>
    static readonly KeyValuePair<string, string?> OftenSaved = new("Training__CheckpointInterval", "00:00:00.200");

    /// <summary>Why it cannot run here, one sentence; null when it runs.</summary>
    string? Missing { get; }

    /// <summary>Waits until whoever learns an experiment has taken its share of the work.</summary>
    Task LearnersReadyAsync(string experiment);

    /// <summary>Everything in an experiment's event log so far, by code that the services do not read it with where there is a choice.</summary>
    IEnumerable<LogRecord> ReadLog(string experiment);
}
