using Recsys.Infrastructure.Events;

namespace Recsys.Learner.Tests.Support;

/// <summary>A log that does what the test says.</summary>
public sealed class ScriptedSource(Action<IPartitionOwner, CancellationToken> script) : IEventSource
{
    public void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken) => script(owner, cancellationToken);
}
