using System.Text;
using Confluent.Kafka;

namespace Recsys.Infrastructure.Events;

/// <summary>Picks the headers that matter out of a message.</summary>
internal static class KafkaHeaders
{
    /// <summary>Reads them. The last header of a name counts; the usual content types cost no allocation.</summary>
    public static EventHeaders Read(Headers? headers)
    {
        if (headers is null)
            return default;
        string? contentType = null, type = null, time = null, id = null;
        for (var i = 0; i < headers.Count; i++)
        {
            var header = headers[i];
            switch (header.Key)
            {
                case "content-type":
                    contentType = ContentType(header.GetValueBytes());
                    break;
                case "ce_type":
                    type = Text(header.GetValueBytes());
                    break;
                case "ce_time":
                    time = Text(header.GetValueBytes());
                    break;
                case "ce_id":
                    id = Text(header.GetValueBytes());
                    break;
            }
        }
        return new EventHeaders(contentType, type, time, id);
    }

    private static string? ContentType(byte[]? value)
    {
        if (value.AsSpan().SequenceEqual("application/vnd.recsys.event"u8))
            return EventTopics.BinaryContentType;
        return value.AsSpan().SequenceEqual("application/json"u8) ? EventTopics.JsonContentType : Text(value);
    }

    private static string? Text(byte[]? value) => value is null ? null : Encoding.UTF8.GetString(value);
}
