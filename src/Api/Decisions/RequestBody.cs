using System.Buffers;
using Recsys.Api.Problems;

namespace Recsys.Api.Decisions;

/// <summary>The whole body of a request in a pooled buffer.</summary>
public sealed class RequestBody : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _length;

    private RequestBody(byte[] buffer, int length) => (_buffer, _length) = (buffer, length);

    /// <summary>The bytes; a byte order mark is left out.</summary>
    public ReadOnlyMemory<byte> Bytes =>
        _length >= 3 && _buffer.AsSpan(0, 3).SequenceEqual("\uFEFF"u8) ? _buffer.AsMemory(3, _length - 3) : _buffer.AsMemory(0, _length);

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">It is missing, too large, or says that it is not JSON.</exception>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int bytesMax)
    {
        ArgumentNullException.ThrowIfNull(context);
        var type = context.Request.ContentType;
        if (type is not null && !type.Contains("json", StringComparison.OrdinalIgnoreCase) && !type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            && !type.StartsWith("text/plain", StringComparison.OrdinalIgnoreCase))
            throw new ApiProblem(ProblemTypes.UnsupportedMedia, $"The body must be application/json, not '{type}'.");
        if (context.Request.ContentLength > bytesMax)
            throw TooLarge(bytesMax);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(bytesMax, context.Request.ContentLength ?? 4096) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(2 * buffer.Length);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
                var read = await context.Request.Body.ReadAsync(buffer.AsMemory(length), context.RequestAborted);
                if (read == 0)
                    break;
                length += read;
                if (length > bytesMax)
                    throw TooLarge(bytesMax);
            }
            if (length == 0)
                throw new ApiProblem(ProblemTypes.Malformed, "The body is empty. Send a JSON object; GET /docs shows its shape.");
            return new RequestBody(buffer, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private static ApiProblem TooLarge(int bytesMax) => new(ProblemTypes.TooLarge, $"The body is larger than the {bytesMax} bytes that are allowed (Decision:BodyBytesMax).");
}
