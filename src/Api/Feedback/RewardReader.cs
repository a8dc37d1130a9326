using System.Text.Json;
using Recsys.Api.Serialization;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;

namespace Recsys.Api.Feedback;

/// <summary>Reads one reward strictly. Whether its decision exists is for the learner to say.</summary>
public static class RewardReader
{
    /// <summary>Reads a reward.</summary>
    /// <param name="json">The object.</param>
    /// <param name="decisionId">The decision of a single reward; null when the object names it.</param>
    /// <param name="rule">The experiment's reward rule.</param>
    /// <param name="now">Time of a reward that carries none, Unix milliseconds.</param>
    /// <param name="errors">Receives everything that is wrong.</param>
    public static RewardEvent? Read(JsonElement json, string? decisionId, RewardRule rule, long now, ICollection<KeyValuePair<string, string>> errors)
    {
        var before = errors.Count;
        if (!(decisionId is null
            ? JsonFields.IsObject(json, "", errors, "decisionId", "value", "action", "time", "eventId")
            : JsonFields.IsObject(json, "", errors, "value", "action", "time", "eventId")))
            return null;
        if (decisionId is null)
        {
            decisionId = JsonFields.Text(json, "decisionId", "", errors);
            if (decisionId is null && errors.Count == before)
                errors.Add(new("decisionId", "is missing."));
        }
        if (decisionId is not null && Identifiers.Problem(decisionId) is { } idProblem)
            errors.Add(new("decisionId", idProblem));
        var value = 0.0;
        if (JsonFields.Get(json, "value") is not { } number)
            errors.Add(new("value", "is missing."));
        else if (number.ValueKind != JsonValueKind.Number || !number.TryGetDouble(out value) || !double.IsFinite(value))
            errors.Add(new("value", "must be a finite number."));
        else if (value < rule.Minimum || value > rule.Maximum)
            errors.Add(new("value", $"must be between {rule.Minimum} and {rule.Maximum}, the range of this experiment's rewards, not {value}."));
        var action = Id(json, "action", errors);
        var eventId = Id(json, "eventId", errors);
        var time = now;
        if (JsonFields.Text(json, "time", "", errors) is { } text)
        {
            if (!Rfc3339.TryParse(text, out time))
                errors.Add(new("time", "must be an RFC 3339 time from 1970 on, for example \"2026-01-31T12:00:00Z\"."));
        }
        return errors.Count > before ? null : new RewardEvent(decisionId!, time, value, action, eventId);
    }

    private static string? Id(JsonElement json, string field, ICollection<KeyValuePair<string, string>> errors)
    {
        if (JsonFields.Text(json, field, "", errors) is not { } id)
            return null;
        if (Identifiers.Problem(id) is { } problem)
            errors.Add(new(field, problem));
        return id;
    }
}
