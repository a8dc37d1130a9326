using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

// No ratio of two short runs, but what a partition or a catalogue of a given size costs; minutes and gigabytes when that is large.
if (args is ["publishing", .. var edges])
    return Recsys.Benchmarks.PublishingCost.Run(edges);
if (args is ["large-catalogue"])
{
    Recsys.Benchmarks.LargeCatalogue.Run();
    return 0;
}

// Short and in this process: everything ends within a few minutes, which is right for ratios and too coarse for a difference of a few percent. On a machine with
// other work the minimum says more than the mean.
var config = ManualConfig.CreateEmpty()
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddColumn(StatisticColumn.Min)
    .AddLogger(ConsoleLogger.Default)
    .AddExporter(MarkdownExporter.GitHub, JsonExporter.Brief)
    .AddJob(Job.ShortRun.WithWarmupCount(6).WithIterationCount(5).WithToolchain(new InProcessEmitToolchain(logOutput: false)).WithIterationTime(TimeInterval.FromMilliseconds(100)))
    .WithOptions(ConfigOptions.DisableLogFile);
BenchmarkSwitcher.FromAssembly(typeof(Recsys.Benchmarks.Scene).Assembly).Run(args, config);
return 0;
