using System.Buffers;
using System.Text.Unicode;
using Recsys.Api.Problems;

namespace Recsys.Api.Serialization;

/// <summary>The bytes of one request body in a buffer that is reused from request to request.</summary>
public sealed class RequestBody
{
    private byte[] _bytes = new byte[4096];
    private int _start;
    private int _length;

    /// <summary>The body as UTF-8 without a byte-order mark.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(_start, _length - _start);

    /// <summary>Memory held.</summary>
    public int CapacityBytes => _bytes.Length;

    /// <summary>Reads a whole body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">Most bytes accepted.</param>
    /// <returns>Null, or the problem to answer with.</returns>
    public async ValueTask<Problem?> ReadAsync(HttpRequest request, int bytesMax)
    {
        _start = _length = 0;
        if (request.ContentType is { } type && !MayBeJson(type))
            return new Problem(ProblemTypes.UnsupportedMediaType, $"'{type}' is not JSON. Send Content-Type: application/json.");
        if (request.ContentLength > bytesMax)
            return TooLarge(bytesMax);
        // Growing by doubling would hold a large body three times.
        if (request.ContentLength is > 1 << 20 and var promised && promised > _bytes.Length)
            _bytes = new byte[promised];
        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(request.HttpContext.RequestAborted);
            var length = read.Buffer.Length;
            if (_length + length > bytesMax)
            {
                reader.AdvanceTo(read.Buffer.End);
                return TooLarge(bytesMax);
            }
            var needed = _length + (int)length;
            if (needed > _bytes.Length)
                Array.Resize(ref _bytes, Math.Max(needed, 2 * _bytes.Length));
            read.Buffer.CopyTo(_bytes.AsSpan(_length));
            _length = needed;
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }
        if (_bytes.AsSpan(0, _length).StartsWith("\uFEFF"u8))
            _start = 3;
        if (_length == _start)
            return new Problem(ProblemTypes.MalformedJson, "The body is empty; send a JSON object.");
        if (!Utf8.IsValid(Bytes.Span))
            return new Problem(ProblemTypes.MalformedJson, "The body is not UTF-8.");
        return HasLoneSurrogate(Bytes.Span)
            ? new Problem(ProblemTypes.MalformedJson, "A text holds half of a surrogate pair (\\ud800 to \\udfff without its other half).")
            : null;
    }

    // JSON allows such an escape and no encoding of Unicode does; found here, no reader behind has to expect it.
    private static bool HasLoneSurrogate(ReadOnlySpan<byte> json)
    {
        for (var at = json.IndexOf((byte)'\\'); at >= 0 && at + 1 < json.Length;)
        {
            var length = 2;
            if (Surrogate(json[at..]) is { } high)
            {
                if (high >= 0xDC00 || at + 6 > json.Length || Surrogate(json[(at + 6)..]) is not >= 0xDC00)
                    return true;
                length = 12;
            }
            var next = json[(at + length)..].IndexOf((byte)'\\');
            at = next < 0 ? -1 : at + length + next;
        }
        return false;
    }

    private static int? Surrogate(ReadOnlySpan<byte> escape) =>
        escape.Length >= 6 && escape[0] == '\\' && escape[1] == 'u'
        && int.TryParse(escape[2..6], System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out var unit)
        && unit is >= 0xD800 and <= 0xDFFF ? unit : null;

    private static Problem TooLarge(int bytesMax) => new(ProblemTypes.BodyTooLarge, $"This address accepts bodies of up to {bytesMax} bytes.");

    // curl -d and many clients send no type or a form type with a JSON body; only what can never be JSON is refused.
    private static bool MayBeJson(string type) =>
        type.Contains("json", StringComparison.OrdinalIgnoreCase)
        || !(type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) || type.StartsWith("image/", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("audio/", StringComparison.OrdinalIgnoreCase) || type.StartsWith("video/", StringComparison.OrdinalIgnoreCase)
            || type.Contains("xml", StringComparison.OrdinalIgnoreCase) || type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("text/csv", StringComparison.OrdinalIgnoreCase) || type.Contains("protobuf", StringComparison.OrdinalIgnoreCase)
            || type.Contains("msgpack", StringComparison.OrdinalIgnoreCase));
}
