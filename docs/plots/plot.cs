// Draws CSV files (series,x,seed,value) of a directory as PNGs beside them: means over seeds with 95 % intervals (Student's t).
#:package ScottPlot
#:property PublishAot=false
using System.Globalization;

// Two-sided 95 % quantiles of Student's t for 1 to 4 degrees of freedom; 2 is near enough beyond.
double[] quantiles = [0, 12.706, 4.303, 3.182, 2.776];
// File, title, label of the x axis, and of the y axis; x is drawn on a logarithmic scale, but for regret.
(string Name, string Title, string X, string Y)[] plots =
[
    .. Directory.GetFiles(args[0], "regret-*.csv").Select(Path.GetFileNameWithoutExtension).Order().Select(name => (name!, $"Wrong decisions, {name![7..]}", "rounds", "regret")),
    ("catalogue", "Attained over rounds, by set and policy", "rounds, log10", "attained"),
    ("rules", "Attained by selection rule, a quarter of the toy world, 40,000 rounds", "delay of rewards, log10(1 + rounds)", "attained"),
    ("temperature", "Attained by estimate, clusters per user and temperature, 10,000 rounds", "temperature, log10", "attained"),
    ("alpha", "Attained by alpha and prior weight, delay 250, 40,000 rounds", "alpha, log10", "attained"),
    ("probe", "Diagonal estimate of a constant reward over the truth (the others: 1.00)", "temperature, log10", "estimate / truth"),
];
foreach (var (name, title, label, measure) in plots.Where(plot => File.Exists(Path.Combine(args[0], plot.Name + ".csv"))))
{
    var rows = File.ReadLines(Path.Combine(args[0], name + ".csv")).Skip(1).Select(line => line.Split(',')).ToList();
    // The runs of the catalogue are read at three times, a column each.
    if (name == "catalogue")
        rows = [.. rows.SelectMany(row => new[] { "10000", "50000", "200000" }.Select((rounds, i) => new[] { row[0], rounds, row[2], row[3 + i] }))];
    var plot = new ScottPlot.Plot();
    var drawn = 0;
    foreach (var series in rows.GroupBy(row => row[0]))
    {
        var points = series.GroupBy(row => double.Parse(row[1], CultureInfo.InvariantCulture)).OrderBy(group => group.Key).Select(group =>
        {
            var values = group.Select(row => double.Parse(row[3], CultureInfo.InvariantCulture)).ToArray();
            var mean = values.Average();
            var deviation = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / Math.Max(1, values.Length - 1));
            var quantile = values.Length - 1 < quantiles.Length ? quantiles[values.Length - 1] : 2;
            return (X: name.StartsWith("regret-") ? group.Key : name == "rules" ? Math.Log10(1 + group.Key) : Math.Log10(group.Key), Mean: mean, Half: quantile * deviation / Math.Sqrt(values.Length));
        }).ToList();
        var line = plot.Add.Scatter(points.Select(p => p.X).ToArray(), points.Select(p => p.Mean).ToArray());
        line.LegendText = series.Key;
        // By hand: error bars use up colours of the palette too, and two series would share one.
        line.Color = plot.Add.Palette.GetColor(drawn++);
        var bars = plot.Add.ErrorBar(points.Select(p => p.X).ToArray(), points.Select(p => p.Mean).ToArray(), points.Select(p => p.Half).ToArray());
        bars.Color = line.Color;
        var intervals = string.Join("  ", points.Select(p => FormattableString.Invariant($"{p.Mean:0.000} ± {p.Half:0.000}")));
        Console.WriteLine($"{name} {series.Key}: {intervals}");
    }
    plot.Title(title);
    plot.XLabel(label);
    plot.YLabel(measure);
    plot.ShowLegend(ScottPlot.Edge.Right);
    plot.SavePng(Path.Combine(args[0], name + ".png"), 1000, 550);
}
