using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Recsys.Architecture.Tests;

/// <summary>appsettings.json is the list of everything that can be configured, with its default.</summary>
public sealed class ConfigurationTests
{
    // Sections that are read without a class of their own, or belong to the framework.
    private static readonly string[] OtherSections = ["Logging", "Urls", "AllowedHosts", "Kestrel", "Embedded", "Security"];

    private static readonly Assembly Api = Assembly.Load("Recsys.Api");
    private static readonly Assembly Learner = Assembly.Load("Recsys.Learner");
    private static readonly Assembly Infrastructure = Assembly.Load("Recsys.Infrastructure");

    public static TheoryData<string> Hosts => ["Api", "Learner"];

    [Fact]
    public void Options_of_a_host_are_in_its_own_file_and_shared_ones_in_some()
    {
        Assert.Empty(Options(Api).Keys.Except(Sections("Api").Keys));
        Assert.Empty(Options(Learner).Keys.Except(Sections("Learner").Keys));
        Assert.Empty(Options(Infrastructure).Keys.Except(Sections("Api").Keys.Concat(Sections("Learner").Keys)));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Sections_list_exactly_the_keys_of_their_class(string host)
    {
        foreach (var (section, type) in KnownIn(host))
            Assert.Equal(Keys(type).Select(static p => p.Name).Order(StringComparer.Ordinal), Sections(host)[section].EnumerateObject().Select(static p => p.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Sections_give_the_defaults_of_their_class(string host)
    {
        var file = new ConfigurationBuilder().AddJsonFile(PathOf(host)).Build();
        foreach (var (section, type) in KnownIn(host))
        {
            var (expected, actual) = (Activator.CreateInstance(type)!, Activator.CreateInstance(type)!);
            file.GetSection(section).Bind(actual, static o => o.ErrorOnUnknownConfiguration = true);
            foreach (var key in Keys(type))
                Assert.Equal($"{section}.{key.Name} = {Text(key.GetValue(expected))}", $"{section}.{key.Name} = {Text(key.GetValue(actual))}");
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Sections_belong_to_somebody(string host) =>
        Assert.Empty(Sections(host).Keys.Except(Options(Api).Keys).Except(Options(Learner).Keys).Except(Options(Infrastructure).Keys).Except(OtherSections));

    private static string Text(object? value) => JsonSerializer.Serialize(value);

    private static string PathOf(string host) => Path.Combine(Repository.Root, "src", host, "appsettings.json");

    private static Dictionary<string, JsonElement> Sections(string host) =>
        JsonDocument.Parse(File.ReadAllText(PathOf(host)), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowDuplicateProperties = false })
            .RootElement.EnumerateObject().ToDictionary(static p => p.Name, static p => p.Value, StringComparer.Ordinal);

    private static IEnumerable<KeyValuePair<string, Type>> KnownIn(string host)
    {
        var sections = Sections(host);
        return Options(Api).Concat(Options(Learner)).Concat(Options(Infrastructure)).Where(o => sections.ContainsKey(o.Key));
    }

    private static Dictionary<string, Type> Options(Assembly assembly) => assembly.GetTypes()
        .Select(static t => (Type: t, Section: t.GetField("SectionName", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() as string))
        .Where(static t => t.Section is not null)
        .ToDictionary(static t => t.Section!, static t => t.Type, StringComparer.Ordinal);

    private static IEnumerable<PropertyInfo> Keys(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static p => p.SetMethod is { IsPublic: true });
}
