using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Stream;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation.Stream;

public sealed class StreamScoreTests
{
    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 5)]
    [InlineData(3, 2)]
    [InlineData(4, 1)]
    public void Area_under_curve_is_the_share_of_pairs_in_the_right_order(long seed, int values)
    {
        var random = SeededRandom.For(seed, 1);
        var estimates = Enumerable.Range(0, 200).Select(_ => random.NextInteger(values) / (float)values - 0.3f).ToArray();
        var clicked = estimates.Select(estimate => random.NextUniform() < estimate).ToArray();
        clicked[0] = !(clicked[1] = true);
        Assert.Equal(Pairs(estimates, clicked), RankedEstimates.AreaUnderCurve(estimates, clicked)!.Value, 1e-12);
    }

    [Fact]
    public void Area_under_curve_of_known_orders()
    {
        Assert.Equal(1, RankedEstimates.AreaUnderCurve([0.1f, 0.2f, 0.3f], [false, true, true]));
        Assert.Equal(0, RankedEstimates.AreaUnderCurve([0.3f, 0.1f], [false, true]));
        Assert.Equal(0.5, RankedEstimates.AreaUnderCurve([0.3f, 0.3f, 0.3f], [false, true, false]));
        Assert.Null(RankedEstimates.AreaUnderCurve([0.1f, 0.2f], [true, true]));
        Assert.Null(RankedEstimates.AreaUnderCurve([0.1f], [false]));
        Assert.Null(RankedEstimates.AreaUnderCurve([], []));
    }

    [Theory]
    [InlineData(7)]
    [InlineData(10)]
    [InlineData(103)]
    public void Whole_and_tenths_are_those_of_plain_sums_over_their_rows(int rows)
    {
        var random = SeededRandom.For(rows, 2);
        var score = new StreamScore(rows);
        var offers = new List<(int Row, float Estimate, bool Clicked)>();
        for (var row = 0; row < rows; row++)
        {
            // One or two offers a row, some estimates beyond [0, 1].
            for (var k = random.NextInteger(2); k < 2; k++)
            {
                var offer = (row, (float)(1.4 * random.NextUniform() - 0.2), random.NextUniform() < 0.3);
                offers.Add(offer);
                score.Add(offer.row, offer.Item2, offer.Item3);
            }
        }
        Same(offers, rows, score.Whole());
        var tenths = score.Tenths();
        Assert.Equal(10, tenths.Length);
        Assert.Equal(rows, tenths.Sum(static tenth => tenth.Rows));
        for (var t = 0; t < 10; t++)
        {
            var first = (int)Math.Ceiling(t * rows / 10.0);
            var end = (int)Math.Ceiling((t + 1) * rows / 10.0);
            Same(offers.Where(offer => offer.Row >= first && offer.Row < end).ToList(), end - first, tenths[t]);
        }
    }

    [Fact]
    public void Means_to_compare_with_know_only_what_came_before()
    {
        var score = new StreamScore(3);
        score.Add(0, 0.5f, true);
        score.Add(1, 0.5f, true);
        score.Add(2, 0.5f, false);
        Assert.Equal(-(Math.Log(1 / 2.0) + Math.Log(2 / 3.0) + Math.Log(1 / 4.0)) / 3, score.Whole().RunningMeanLogLoss!.Value, 1e-12);
        var recent = 0.5;
        var loss = -Math.Log(recent);
        recent += (1 - recent) / 3;
        loss -= Math.Log(recent);
        recent += (1 - recent) / 4;
        loss -= Math.Log(1 - recent);
        Assert.Equal(loss / 3, score.Whole().RecentMeanLogLoss!.Value, 1e-12);
    }

    [Fact]
    public void Log_loss_is_bounded_where_an_estimate_leaves_the_probabilities()
    {
        Assert.Equal(-Math.Log(0.7), StreamScore.LogLossOf(0.7, true), 1e-12);
        Assert.Equal(-Math.Log(0.3), StreamScore.LogLossOf(0.7, false), 1e-12);
        Assert.Equal(-Math.Log(StreamScore.LeastProbability), StreamScore.LogLossOf(-0.4, true), 1e-12);
        Assert.Equal(-Math.Log(StreamScore.LeastProbability), StreamScore.LogLossOf(1.7, false), 1e-12);
    }

    private static void Same(List<(int Row, float Estimate, bool Clicked)> offers, int rows, StreamTenth tenth)
    {
        Assert.Equal(rows, tenth.Rows);
        if (offers.Count == 0)
        {
            Assert.Null(tenth.LogLoss);
            Assert.Null(tenth.Auc);
            return;
        }
        double loss = 0;
        foreach (var (_, estimate, clicked) in offers)
        {
            var probability = Math.Max(1e-3, Math.Min(1 - 1e-3, (double)estimate));
            loss += clicked ? -Math.Log(probability) : -Math.Log(1 - probability);
        }
        Assert.Equal(loss / offers.Count, tenth.LogLoss!.Value, 1e-12);
        Assert.Equal(offers.Count(static offer => offer.Clicked) / (double)offers.Count, tenth.ClickRate!.Value, 1e-12);
        var auc = Pairs([.. offers.Select(static offer => offer.Estimate)], [.. offers.Select(static offer => offer.Clicked)]);
        if (double.IsNaN(auc))
            Assert.Null(tenth.Auc);
        else
            Assert.Equal(auc, tenth.Auc!.Value, 1e-12);
    }

    /// <summary>By definition, every click against every other offer.</summary>
    private static double Pairs(float[] estimates, bool[] clicked)
    {
        double right = 0;
        var pairs = 0;
        for (var i = 0; i < estimates.Length; i++)
        {
            for (var j = 0; j < estimates.Length; j++)
            {
                if (!clicked[i] || clicked[j])
                    continue;
                pairs++;
                right += estimates[i] > estimates[j] ? 1 : estimates[i] == estimates[j] ? 0.5 : 0;
            }
        }
        return right / pairs;
    }
}
