using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Feedback;

/// <summary>Rewards and activations: validated, made durable, then 202. What they mean the learner decides.</summary>
public sealed class FeedbackEndpoints(ExperimentRegistry registry, IEventPublisher log, IOptions<FeedbackOptions> options, TimeProvider clock)
{
    /// <summary>Enough for any single reward: two ids, a number and a time.</summary>
    private const int RewardBytesMax = 16 << 10;

    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<FeedbackEndpoints>();
        var group = routes.MapGroup("/v1/experiments/{experiment}").Needs(ApiRoles.Reward);
        group.MapPost("/decisions/{decisionId}/reward", endpoints.RewardAsync);
        group.MapPost("/decisions/{decisionId}/activate", endpoints.ActivateAsync);
        group.MapPost("/rewards", endpoints.RewardsAsync);
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task RewardAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var problem = await TakeAsync(context, runtime);
        if (problem is null)
        {
            runtime.Metrics.Rewards.Inc();
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }
        (problem.Type == ProblemTypes.StoreUnavailable ? runtime.Metrics.RewardsFailed : runtime.Metrics.RewardsRejected).Inc();
        await ProblemWriter.WriteAsync(context, problem);
    }

    private async Task<Problem?> TakeAsync(HttpContext context, ExperimentRuntime runtime)
    {
        var body = new RequestBody();
        if (await body.ReadAsync(context.Request, RewardBytesMax) is { } unreadable)
            return unreadable;
        if (JsonFields.Parse(body.Bytes, out var malformed) is not { } document)
            return malformed;
        using (document)
        {
            var errors = new List<KeyValuePair<string, string>>();
            var reward = RewardReader.Read(document.RootElement, Ids.FromPath(context, "decisionId"), runtime.Experiment.Definition.Reward, Now, errors);
            return reward is null ? Problem.Invalid(errors) : await PublishAsync(runtime, reward, context.RequestAborted);
        }
    }

    private async Task ActivateAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var id = Ids.FromPath(context, "decisionId");
        if (Identifiers.Problem(id) is { } invalid)
        {
            await ProblemWriter.WriteAsync(context, Problem.Invalid("decisionId", invalid));
            return;
        }
        var record = new ArrayBufferWriter<byte>(64);
        BinaryEventCodec.WriteActivation(record, new ActivationEvent(id, Now));
        // A store that is away becomes 503 in the exception handler.
        await log.PublishAsync(runtime.Name, id, record.WrittenMemory, context.RequestAborted);
        runtime.Metrics.Activations.Inc();
        context.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private async Task RewardsAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        // All are handed to the log before the first is waited for, so a bulk costs one round trip.
        await BulkRequest.AnswerAsync(
            context, "rewards", options.Value.RewardsMax, options.Value.BodyBytesMax,
            async entries => await Task.WhenAll(entries.EnumerateArray().Select(entry => OneOfManyAsync(runtime, entry, context.RequestAborted))));
    }

    private async Task<Problem?> OneOfManyAsync(ExperimentRuntime runtime, JsonElement entry, CancellationToken cancellationToken)
    {
        var errors = new List<KeyValuePair<string, string>>();
        if (RewardReader.Read(entry, null, runtime.Experiment.Definition.Reward, Now, errors) is not { } reward)
        {
            runtime.Metrics.RewardsRejected.Inc();
            return Problem.Invalid(errors);
        }
        var problem = await PublishAsync(runtime, reward, cancellationToken);
        (problem is null ? runtime.Metrics.Rewards : runtime.Metrics.RewardsFailed).Inc();
        return problem;
    }

    private async Task<Problem?> PublishAsync(ExperimentRuntime runtime, RewardEvent reward, CancellationToken cancellationToken)
    {
        var record = new ArrayBufferWriter<byte>(128);
        BinaryEventCodec.WriteReward(record, reward);
        try
        {
            await log.PublishAsync(runtime.Name, reward.DecisionId, record.WrittenMemory, cancellationToken);
            return null;
        }
        catch (StoreUnavailableException away)
        {
            return Problem.StoreAway(away);
        }
    }
}
