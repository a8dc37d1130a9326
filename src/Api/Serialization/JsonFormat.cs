using System.Text.Encodings.Web;
using System.Text.Json;

namespace Recsys.Api.Serialization;

/// <summary>How answers are written: readable text. The media type says JSON and nothing embeds it into HTML, so quotes and accents need no escape.</summary>
public static class JsonFormat
{
    /// <summary>Options of every writer.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
