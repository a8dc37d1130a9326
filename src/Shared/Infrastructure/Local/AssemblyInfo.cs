using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Recsys.Infrastructure.Tests")]
