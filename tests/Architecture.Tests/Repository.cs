using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Recsys.Architecture.Tests;

/// <summary>The source tree that these tests read.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Files below a folder by pattern, without build output, as paths relative to the root with forward slashes.</summary>
    public static IEnumerable<string> Files(string folder, string pattern)
    {
        var start = Path.Combine(Root, folder);
        if (!Directory.Exists(start))
            return [];
        return Directory.EnumerateFiles(start, pattern, SearchOption.AllDirectories)
            .Select(static f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Where(static f => !f.Split('/').Any(static part => part is "bin" or "obj" or "node_modules" or "data"))
            .Order(StringComparer.Ordinal);
    }

    /// <summary>Every project file.</summary>
    public static IEnumerable<string> Projects() => Files("src", "*.csproj").Concat(Files("tests", "*.csproj"));

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>What a project includes under an item name: file names without extension for projects, ids for packages.</summary>
    public static IEnumerable<string> Includes(string project, string item) =>
        XDocument.Parse(Read(project)).Descendants(item).Select(static e => (string?)e.Attribute("Include")).OfType<string>()
            .Select(static include => include.EndsWith(".csproj", StringComparison.Ordinal) ? Path.GetFileNameWithoutExtension(include.Replace('\\', '/')) : include);

    /// <summary>Line of a match, for a message that an editor can open.</summary>
    public static string At(string file, string text, Capture match) => $"{file}:{1 + text.AsSpan(0, match.Index).Count('\n')}: {match.Value}";

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Recsys.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("Recsys.sln is in no folder above the tests.");
    }
}
