namespace Recsys.Bandits.Catalogue;

/// <summary>A long array in pages, of which a changed copy shares the pages that are the same. Immutable but through <see cref="Editor"/>.</summary>
/// <typeparam name="T">What it holds.</typeparam>
internal sealed class Paged<T>
{
    private const int Bits = 8, PageSize = 1 << Bits, Mask = PageSize - 1;
    private readonly T[][] _pages;

    private Paged(T[][] pages) => _pages = pages;

    /// <summary>No entries.</summary>
    public static Paged<T> Empty { get; } = new([]);

    /// <summary>An entry; the default where none was set.</summary>
    public T this[int index] => index >> Bits < _pages.Length ? _pages[index >> Bits][index & Mask] : default!;

    /// <summary>Changes a copy. Owned by one thread, and done with after <see cref="Done"/>.</summary>
    public sealed class Editor(Paged<T> source)
    {
        private T[][] _pages = [.. source._pages];
        private bool[] _own = new bool[source._pages.Length];

        /// <summary>An entry; the default where none was set.</summary>
        public T this[int index]
        {
            get => index >> Bits < _pages.Length ? _pages[index >> Bits][index & Mask] : default!;
            set => Page(index >> Bits)[index & Mask] = value;
        }

        /// <summary>The changed copy.</summary>
        public Paged<T> Done() => new(_pages);

        private T[] Page(int page)
        {
            if (page >= _pages.Length)
            {
                var before = _pages.Length;
                Array.Resize(ref _pages, page + 1);
                Array.Resize(ref _own, page + 1);
                for (var p = before; p <= page; p++)
                    (_pages[p], _own[p]) = (new T[PageSize], true);
            }
            if (!_own[page])
                (_pages[page], _own[page]) = ((T[])_pages[page].Clone(), true);
            return _pages[page];
        }
    }
}
