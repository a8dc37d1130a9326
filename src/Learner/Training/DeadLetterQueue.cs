using Recsys.Infrastructure.Events;

namespace Recsys.Learner.Training;

/// <summary>Events set aside and not yet durable elsewhere. Bounded by its owner, who stops reading when it is full.</summary>
public sealed class DeadLetterQueue(IEventPublisher events)
{
    private readonly List<DeadLetter> _letters = [];

    /// <summary>Letters waiting.</summary>
    public int Count => _letters.Count;

    /// <summary>Adds a letter.</summary>
    public void Add(DeadLetter letter) => _letters.Add(letter);

    /// <summary>Writes all of them at once and waits until they are durable. A letter may be written twice after a failure, never lost.</summary>
    /// <exception cref="Recsys.Infrastructure.Experiments.StoreUnavailableException">Some are not durable; they stay.</exception>
    public void Flush()
    {
        if (_letters.Count == 0)
            return;
        var writes = _letters.ConvertAll(letter => (Letter: letter, Written: events.PublishDeadLetterAsync(letter, CancellationToken.None)));
        try
        {
            Task.WhenAll(writes.ConvertAll(static w => w.Written)).GetAwaiter().GetResult();
        }
        finally
        {
            _letters.Clear();
            foreach (var (letter, written) in writes)
            {
                if (!written.IsCompletedSuccessfully)
                    _letters.Add(letter);
            }
        }
    }
}
