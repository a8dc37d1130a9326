namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>One rating.</summary>
/// <param name="User">Index of the user.</param>
/// <param name="Item">Index of the item.</param>
/// <param name="Value">The rating, finite.</param>
/// <param name="Time">When, on the file's own scale.</param>
public readonly record struct Rating(int User, int Item, float Value, double Time);

/// <summary>A ratings file in memory.</summary>
/// <param name="Users">Ids of the users.</param>
/// <param name="Items">Ids of the items.</param>
/// <param name="All">The ratings in the file's order.</param>
/// <param name="Rated">Whether the file has a column of ratings; without one every value is 1.</param>
public sealed record Ratings(IReadOnlyList<string> Users, IReadOnlyList<string> Items, IReadOnlyList<Rating> All, bool Rated = true);
