using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Distributed;

/// <summary>
/// Waiting for a hint that can be missed: completes on the bell or after a quarter of a second. A bell that rings while nobody waits is
/// kept for the next one who does, so nothing is overlooked between reading and waiting.
/// </summary>
internal sealed class RedisBells(RedisConnection redis)
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<string, Bell> _bells = new(StringComparer.Ordinal);

    public async Task WaitAsync(string channel, CancellationToken cancellationToken)
    {
        var bell = _bells.GetOrAdd(channel, static _ => new Bell());
        await SubscribeAsync(channel, bell).ConfigureAwait(false);
        var rung = bell.Rung;
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(rung, Task.Delay(WaitMax, both.Token)).ConfigureAwait(false);
        await both.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (rung.IsCompleted)
            bell.Answer(rung);
    }

    private async Task SubscribeAsync(string channel, Bell bell)
    {
        if (!bell.ShouldSubscribe())
            return;
        try
        {
            // The client subscribes again by itself after a reconnect.
            await redis.Subscriber.SubscribeAsync(RedisChannel.Literal(channel), (_, _) => bell.Ring()).ConfigureAwait(false);
        }
        catch (Exception problem) when (RedisConnection.IsOutage(problem))
        {
            // The quarter of a second does without; next time.
            bell.SubscribeAgain();
        }
    }

    private sealed class Bell
    {
        private TaskCompletionSource _next = Silent();
        private int _subscribed;

        public Task Rung => Volatile.Read(ref _next).Task;

        public void Ring() => Volatile.Read(ref _next).TrySetResult();

        public void Answer(Task rung)
        {
            var heard = Volatile.Read(ref _next);
            if (heard.Task == rung)
                Interlocked.CompareExchange(ref _next, Silent(), heard);
        }

        public bool ShouldSubscribe() => Interlocked.Exchange(ref _subscribed, 1) == 0;

        public void SubscribeAgain() => Volatile.Write(ref _subscribed, 0);

        private static TaskCompletionSource Silent() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
