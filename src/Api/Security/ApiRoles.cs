namespace Recsys.Api.Security;

/// <summary>What a key may do.</summary>
[Flags]
public enum ApiRoles
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Decide and explain.</summary>
    Decide = 1,

    /// <summary>Send rewards and activations.</summary>
    Reward = 2,

    /// <summary>Everything.</summary>
    Admin = 4,
}

/// <summary>What an address asks of a key.</summary>
/// <param name="AnyOf">One of these roles, or admin, is enough; none means open to everybody.</param>
public sealed record NeededRoles(ApiRoles AnyOf);

/// <summary>Puts the needed roles on addresses. An address that says nothing needs admin.</summary>
public static class NeededRolesExtensions
{
    /// <summary>Needs one of the roles, or admin.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder builder, ApiRoles anyOf) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new NeededRoles(anyOf));

    /// <summary>Open to everybody: probes, metrics, documentation.</summary>
    public static TBuilder IsOpen<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder => builder.Needs(ApiRoles.None);
}
