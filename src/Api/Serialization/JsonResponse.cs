using System.Buffers;
using System.Text.Json;

namespace Recsys.Api.Serialization;

/// <summary>Writes a JSON answer with its length, so that no answer needs chunked encoding.</summary>
public static class JsonResponse
{
    /// <summary>Media type of ordinary answers.</summary>
    public const string ContentType = "application/json";

    /// <summary>Sends what <paramref name="write"/> writes. The status is set before.</summary>
    public static async Task WriteAsync<T>(HttpResponse response, string contentType, T state, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, JsonFormat.Options))
            write(json, state);
        await WriteAsync(response, contentType, buffer.WrittenMemory);
    }

    /// <summary>Sends bytes that are JSON already.</summary>
    public static async Task WriteAsync(HttpResponse response, string contentType, ReadOnlyMemory<byte> body)
    {
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(response.HttpContext.Request.Method))
            await response.BodyWriter.WriteAsync(body);
    }
}
