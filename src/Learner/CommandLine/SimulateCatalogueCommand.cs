using System.CommandLine;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate catalogue</c>: see contract section 4.</summary>
internal sealed class SimulateCatalogueCommand : Command, IExplainedCommand
{
    private readonly Option<string> _ratings = new("--ratings")
    {
        Description = "Ratings file, plain or gzip: user, item, rating and timestamp in any spelling and order; comma, semicolon, tab or :: between them. "
            + "Without a header that is their order.",
        HelpName = "file",
        Required = true,
    };

    private readonly MatchingOptions _options = new(policy: null, rounds: 20_000, batch: 1);

    /// <summary>The command.</summary>
    public SimulateCatalogueCommand()
        : base("catalogue", "The Online Matching loop on a ratings file: the graph proposes items to arriving users, the policy chooses, the user likes it or not.")
    {
        Add(_ratings);
        foreach (var option in _options.All)
            Add(option);
        // On a pool thread, so that Ctrl+C can cancel it.
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    /// <inheritdoc/>
    public void Explain(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("""
            The reward model, which no policy sees:
              A matrix factorisation (alternating least squares with biases, seeded) is fitted to each user's later half of the ratings by time. A logistic
              curve, fitted by cross-validation, turns its expected rating into the probability that this user rates this item 4 or better. Each round
              flips a coin with that probability: reward 1 or 0.

            What the policy sees:
              Each user's earlier half of the ratings is factorised on its own: vectors and truth share no rating. That gives user and item vectors, user
              clusters (spherical k-means) and the graph: from each cluster to the items with the largest inner product. A round's candidates are the
              items of the user's nearest clusters; items that no cluster ranks among its W are left out. Every policy with the same seed and settings
              ranks the same candidates for the same users, and knows the same about them: vectors, the weights of the user's clusters, ids.

            Result (--json: one object on the last line):
              policy, rounds    what ran
              meanReward        mean probability of a like of the chosen items (the probability, not the coin, which would add noise only)
              uniformReward     the same for a uniform choice among the same candidates
              bestReward        the same for the best candidate of every round
              attained          (meanReward - uniformReward) / (bestReward - uniformReward)
              seconds           wall time of the rounds, fitting not counted
              calibration       mean estimate of the chosen items / their mean probability; null for a policy that estimates no rewards
              reliability       the same by bands of the estimate: estimate, probability, rounds
              fresh             with --set fresh=SHARE: items, shown (share of them shown at all), roundsToShow and candidaciesToShow (medians from arrival to first
                                show), good (best candidate of ten rounds or more), found (share of the good shown half as often as the best choice would
                                have), roundsToFind (median); null where it did not happen to half of them
              learnedPerSecond, stateBytes
                                cost of learning the run's first 20,000 interactions again, and of the statistics; median of five
              exactLearnedPerSecond, exactStateBytes
                                the same of LinUCB with whole matrices, taking turns
              truth             the reward model on ratings held out from it: ratingError (stars), logLoss, and constantLogLoss of knowing nothing

            Settings of the catalogue (--set name=value):
            """);
        HelpWithParameters.WriteParameters(output, CatalogueSettings.Declared);
        output.WriteLine();
        HelpWithParameters.WritePolicyParameters(output);
        HelpWithParameters.WriteRivals(output);
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var settings = CatalogueSettings.Parse(_options.Pairs(parsed), out var parameters);
        settings = settings with { Context = _options.Context(parsed, settings.Context) };
        var options = _options.Read(parsed, parameters);
        CatalogueSimulation.Check(options, settings.Features);
        var ratings = RatingsFile.Read(parsed.GetRequiredValue(_ratings));
        parsed.InvocationConfiguration.Error.WriteLine($"Fitting {ratings.All.Count:N0} ratings of {ratings.Items.Count:N0} items by {ratings.Users.Count:N0} users.");
        var world = CatalogueWorld.Build(ratings, settings, options.Seed, options.Rounds, cancellation);
        return _options.Report(parsed, world, options, cancellation);
    }
}
