using System.Runtime.InteropServices;

namespace NativeXent.Peers;

/// <summary>How far a result is from the exact one.</summary>
/// <param name="Ulp">Largest error of an element other than the label's, in ULP.</param>
/// <param name="LabelUlp">Largest error at the label, in ULP.</param>
/// <param name="LabelError">Largest absolute error at the label.</param>
internal readonly record struct Error(double Ulp, double LabelUlp, double LabelError)
{
    /// <summary>
    /// Good to one part in a thousand: what float32 sums over 256,000 classes leave of a sound method. At the label,
    /// where p − 1 cancels, 10^-6.
    /// </summary>
    internal bool IsTextbook(ElementType type) => Ulp <= 1e-3 * Precision(type) && LabelError <= 1e-6;

    /// <summary>What this project promises.</summary>
    internal bool IsPromised(ElementType type) => Ulp <= Promise(type) && LabelUlp <= Promise(type);

    private static double Promise(ElementType type) =>
        type switch
        {
            ElementType.Float32 => 3,
            ElementType.Float64 => 4,

            // Rounded once: half a unit, and a little for where float32 is nearly between two neighbours.
            _ => 0.51,
        };

    private static double Precision(ElementType type) => type == ElementType.Float64 ? 1L << 52 : 1 << 23;
}

/// <summary>
/// The exact gradient of some rows of a problem, from native/oracle.cpp: the first, the last, and others spread evenly.
/// </summary>
internal sealed unsafe class Oracle : IDisposable
{
    // As many as take a few milliseconds.
    private const int CheckedElements = 1 << 18;

    private static delegate* unmanaged<nuint> _elementSize;
    private static delegate* unmanaged<int, void*, nuint, nuint, void*, void> _gradient;
    private static delegate* unmanaged<int, void*, void*, nuint, nuint, double*, void> _compare;

    private readonly Problem _problem;
    private readonly int[] _rows;
    private readonly byte* _expected;

    internal Oracle(Problem problem)
    {
        _problem = problem;
        int count = Math.Clamp(CheckedElements / problem.Classes, 1, problem.Rows);
        _rows = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * (problem.Rows - 1) / Math.Max(1, count - 1)))];
        _expected = (byte*)NativeMemory.AlignedAlloc((nuint)count * RowSize, 64);
        for (int i = 0; i < count; i++)
        {
            _gradient(
                (int)problem.Type,
                (byte*)problem.Logits + Offset(_rows[i]),
                (nuint)problem.Classes,
                (nuint)problem.LabelSpan[_rows[i]],
                Expected(i));
        }
    }

    private nuint RowSize => (nuint)_problem.Classes * _elementSize();

    internal static void Load(string folder)
    {
        nint library = NativeLibrary.Load(Path.Combine(folder, "libpeers_oracle.so"));
        _elementSize = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(library, "oracle_element_size");
        _gradient = (delegate* unmanaged<int, void*, nuint, nuint, void*, void>)
            NativeLibrary.GetExport(library, "oracle_gradient");
        _compare = (delegate* unmanaged<int, void*, void*, nuint, nuint, double*, void>)
            NativeLibrary.GetExport(library, "oracle_compare");
    }

    /// <summary>Overwrites the rows that are looked at, so that nobody passes with what another left behind.</summary>
    internal void Spoil()
    {
        foreach (int row in _rows)
        {
            NativeMemory.Fill(
                (byte*)_problem.Gradient + Offset(row), (nuint)_problem.Classes * (nuint)_problem.ElementSize, 0x41);
        }
    }

    internal Error Compare(nint gradient)
    {
        double* worst = stackalloc double[3];
        for (int i = 0; i < 3; i++)
        {
            worst[i] = 0;
        }

        for (int i = 0; i < _rows.Length; i++)
        {
            _compare(
                (int)_problem.Type,
                Expected(i),
                (byte*)gradient + Offset(_rows[i]),
                (nuint)_problem.Classes,
                (nuint)_problem.LabelSpan[_rows[i]],
                worst);
        }

        return new Error(worst[0], worst[1], worst[2]);
    }

    /// <summary>Whether what is at <paramref name="gradient"/> are the logits.</summary>
    internal bool IsCopy(nint gradient) => Rows(gradient).AsSpan().SequenceEqual(Rows(_problem.Logits));

    /// <summary>The rows that are looked at, for comparing bits.</summary>
    internal byte[] Rows(nint gradient)
    {
        int bytes = _problem.Classes * _problem.ElementSize;
        byte[] rows = new byte[_rows.Length * bytes];
        for (int i = 0; i < _rows.Length; i++)
        {
            new ReadOnlySpan<byte>((byte*)gradient + Offset(_rows[i]), bytes).CopyTo(rows.AsSpan(i * bytes));
        }

        return rows;
    }

    public void Dispose() => NativeMemory.AlignedFree(_expected);

    private byte* Expected(int index) => _expected + ((nuint)index * RowSize);

    private long Offset(int row) => (long)row * _problem.Classes * _problem.ElementSize;
}
