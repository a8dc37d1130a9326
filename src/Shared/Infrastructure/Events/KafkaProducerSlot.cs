using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;

namespace Recsys.Infrastructure.Events;

/// <summary>A producer that is replaced when it has met an error that it cannot go on from, for example an expired producer id.</summary>
internal sealed class KafkaProducerSlot : IDisposable
{
    private readonly ProducerConfig _config;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private IProducer<byte[]?, byte[]?> _current;
    private volatile bool _broken;
    private bool _disposed;

    public KafkaProducerSlot(ProducerConfig config, ILogger log)
    {
        (_config, _log) = (config, log);
        _current = Build();
    }

    /// <summary>The producer to use for the next message.</summary>
    public IProducer<byte[]?, byte[]?> Current => _broken ? Replace() : Volatile.Read(ref _current);

    /// <summary>Waits for what is queued, at most this long, and ends.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            _current.Flush(TimeSpan.FromSeconds(5));
            _current.Dispose();
        }
    }

    private IProducer<byte[]?, byte[]?> Build() => new ProducerBuilder<byte[]?, byte[]?>(_config)
        .SetErrorHandler((_, error) =>
        {
            if (error.IsFatal)
            {
                _log.ProducerReplaced(error.Reason);
                _broken = true;
            }
            else
            {
                _log.KafkaProblem("producer", error.Reason);
            }
        })
        .SetLogHandler((_, message) => KafkaClients.Log(_log, message))
        .Build();

    private IProducer<byte[]?, byte[]?> Replace()
    {
        lock (_lock)
        {
            if (!_broken || _disposed)
                return _current;
            var broken = _current;
            Volatile.Write(ref _current, Build());
            _broken = false;
            // Ending it reports its queued messages as failed; that must not delay the caller.
            _ = Task.Run(broken.Dispose);
            return _current;
        }
    }
}
