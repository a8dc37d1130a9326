using Xunit.Sdk;
using Xunit.v3;

// Every test drives whole processes and some look at delays; two at a time would measure each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
