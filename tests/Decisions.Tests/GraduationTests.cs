using Recsys.Api.Catalogue;
using Xunit;

namespace Recsys.Decisions.Tests;

public sealed class GraduationTests
{
    [Theory]
    // Young, and not judged yet, whatever it earned.
    [InlineData(1, 199, 0.9, 0.1, NewcomerVerdict.Stays)]
    [InlineData(-5, 0, null, null, NewcomerVerdict.Stays)]
    // Judged: at least the median is enough, however old it is.
    [InlineData(1, 200, 0.5, 0.5, NewcomerVerdict.Graduates)]
    [InlineData(99, 200, 0.6, 0.5, NewcomerVerdict.Graduates)]
    [InlineData(1, 200, 0.49, 0.5, NewcomerVerdict.Retires)]
    // Nobody to be worse than.
    [InlineData(1, 200, 0.0, null, NewcomerVerdict.Graduates)]
    // Too old, and never judged.
    [InlineData(7, 199, 0.9, 0.1, NewcomerVerdict.Retires)]
    [InlineData(7, 0, null, 0.1, NewcomerVerdict.Retires)]
    [InlineData(6.99, 0, null, null, NewcomerVerdict.Stays)]
    public void Newcomer_is_judged_by_what_it_earned_and_without_that_by_its_age(double days, long interactions, double? mean, double? median, NewcomerVerdict verdict) =>
        Assert.Equal(verdict, Graduation.Decide(TimeSpan.FromDays(days), TimeSpan.FromDays(7), interactions, 200, mean, median));

    [Fact]
    public void Median_is_the_middle_or_between_the_two()
    {
        Assert.Null(Graduation.Median([]));
        Assert.Equal(3, Graduation.Median([3]));
        Assert.Equal(2, Graduation.Median([9, 1, 2]));
        Assert.Equal(2.5, Graduation.Median([9, 1, 2, 3]));
    }
}
