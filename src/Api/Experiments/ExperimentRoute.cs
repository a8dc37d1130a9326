using Recsys.Api.Problems;

namespace Recsys.Api.Experiments;

/// <summary>From an address to the experiment that it names.</summary>
public static class ExperimentRoute
{
    /// <summary>The experiment of <c>/v1/experiments/{experiment}/…</c>; null when there is none, and then the answer is written.</summary>
    public static async ValueTask<ExperimentRuntime?> FindAsync(this ExperimentRegistry registry, HttpContext context)
    {
        var name = (string)context.Request.RouteValues["experiment"]!;
        if (registry.Find(name) is { } runtime)
            return runtime;
        await ProblemWriter.WriteAsync(context, Problem.UnknownExperiment(name));
        return null;
    }
}
