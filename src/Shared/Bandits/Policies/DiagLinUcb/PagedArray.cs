namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>An immutable array in pages. A changed copy shares every page without a change, so it costs what changed and one table of pages.</summary>
/// <typeparam name="T">Of the elements; default where nothing was set.</typeparam>
internal sealed class PagedArray<T>
    where T : struct
{
    private const int PageBits = 7, PageLength = 1 << PageBits, InPage = PageLength - 1;
    private readonly T[]?[] _pages;

    private PagedArray(T[]?[] pages) => _pages = pages;

    /// <summary>No elements.</summary>
    public static PagedArray<T> Empty { get; } = new([]);

    /// <summary>An element; default beyond what was ever set.</summary>
    public T this[int index] => index >> PageBits < _pages.Length && _pages[index >> PageBits] is { } page ? page[index & InPage] : default;

    /// <summary>A copy to change.</summary>
    /// <param name="length">Elements that it must have room for.</param>
    public Changes Change(int length) => new(_pages, (length + InPage) >> PageBits);

    /// <summary>A copy while it is changed. One thread only.</summary>
    public sealed class Changes
    {
        private readonly T[]?[] _pages;
        private readonly bool[] _own;

        internal Changes(T[]?[] pages, int count)
        {
            _pages = new T[Math.Max(count, pages.Length)][];
            pages.CopyTo(_pages, 0);
            _own = new bool[_pages.Length];
        }

        /// <summary>An element to change.</summary>
        public ref T this[int index]
        {
            get
            {
                var number = index >> PageBits;
                if (!_own[number])
                {
                    _pages[number] = _pages[number] is { } shared ? shared.AsSpan().ToArray() : new T[PageLength];
                    _own[number] = true;
                }
                return ref _pages[number]![index & InPage];
            }
        }

        /// <summary>The changed array; change no more.</summary>
        public PagedArray<T> Freeze() => new(_pages);
    }
}
