namespace Recsys.TestKit;

/// <summary>What a piece of code allocates by itself.</summary>
public static class Allocation
{
    /// <summary>
    /// The fewest bytes that one of many calls allocated on this thread. The runtime compiles code again while it runs and allocates for that now and then; what
    /// the code allocates is there in every call.
    /// </summary>
    /// <param name="call">The code; it has its memory already.</param>
    /// <param name="times">Calls.</param>
    public static long Least(Action call, int times = 200)
    {
        ArgumentNullException.ThrowIfNull(call);
        var least = long.MaxValue;
        for (var i = 0; i < times; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
