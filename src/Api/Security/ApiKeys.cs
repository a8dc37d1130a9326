using System.Security.Cryptography;
using System.Text;
using Recsys.Api.Hosting;

namespace Recsys.Api.Security;

/// <summary>The configured keys; only their SHA-256 is kept.</summary>
public sealed class ApiKeys
{
    private const string Section = "Security:ApiKeys";
    private const int KeyLengthMax = 1024;
    private readonly List<(byte[] Sha256, ApiRoles Roles)> _keys = [];

    /// <summary>Reads the keys.</summary>
    /// <exception cref="StartupException">A key is empty, double or malformed, or a role is unknown; the message lists everything.</exception>
    public ApiKeys(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var errors = new List<string>();
        if (!string.IsNullOrEmpty(section.Value))
            errors.Add($"{Section} is a list, for example {Section}:0:Key and {Section}:0:Roles:0.");
        foreach (var entry in section.GetChildren())
        {
            foreach (var field in entry.GetChildren().Where(static f => f.Key.ToLowerInvariant() is not ("key" or "sha256" or "roles")))
                errors.Add($"{field.Path} is unknown. Known: Key, Sha256, Roles.");
            var roles = Roles(entry.GetSection("Roles"), errors);
            if (Hash(entry, errors) is not { } hash)
                continue;
            if (_keys.Exists(k => k.Sha256.AsSpan().SequenceEqual(hash)))
                errors.Add($"{entry.Path} repeats a key that is listed before.");
            _keys.Add((hash, roles));
        }
        if (errors.Count > 0)
            throw new StartupException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>Whether there are any; without keys the service is open and stays on loopback.</summary>
    public bool Any => _keys.Count > 0;

    /// <summary>The roles of a key, null when it is unknown. Takes the same time for every key of one length.</summary>
    public ApiRoles? Find(string key)
    {
        if (key.Length is 0 or > KeyLengthMax)
            return null;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key), hash);
        ApiRoles? found = null;
        foreach (var (known, roles) in _keys)
        {
            if (CryptographicOperations.FixedTimeEquals(known, hash))
                found = roles;
        }
        return found;
    }

    private static byte[]? Hash(IConfigurationSection entry, List<string> errors)
    {
        var key = entry["Key"];
        var sha256 = entry["Sha256"];
        if ((key is null) == (sha256 is null))
        {
            errors.Add($"{entry.Path} needs either Key or Sha256.");
            return null;
        }
        if (key is not null)
        {
            if (!string.IsNullOrWhiteSpace(key) && key.Length <= KeyLengthMax)
                return SHA256.HashData(Encoding.UTF8.GetBytes(key));
            errors.Add($"{entry.Path}:Key is empty. An empty key never means open; take the entry out to serve loopback without keys.");
            return null;
        }
        if (sha256!.Length == 2 * SHA256.HashSizeInBytes && sha256.All(char.IsAsciiHexDigit))
            return Convert.FromHexString(sha256);
        errors.Add($"{entry.Path}:Sha256 must be {2 * SHA256.HashSizeInBytes} hexadecimal digits.");
        return null;
    }

    private static ApiRoles Roles(IConfigurationSection section, List<string> errors)
    {
        // A list in a file, one comma-separated word in an environment variable.
        var names = section.Value?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            ?? [.. section.GetChildren().Select(static c => c.Value ?? "")];
        var roles = ApiRoles.None;
        foreach (var name in names)
        {
            ApiRoles role = name.ToLowerInvariant() switch { "decide" => ApiRoles.Decide, "reward" => ApiRoles.Reward, "admin" => ApiRoles.Admin, _ => ApiRoles.None };
            if (role == ApiRoles.None)
                errors.Add($"{section.Path}: unknown role '{name}'. Known: decide, reward, admin.");
            roles |= role;
        }
        if (names.Length == 0)
            errors.Add($"{section.Path} is empty. Give one or more of decide, reward, admin.");
        return roles;
    }
}
