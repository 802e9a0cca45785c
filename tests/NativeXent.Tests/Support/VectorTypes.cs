using NativeXent.Simd;
using NUnit.Framework;

namespace NativeXent.Tests.Support;

/// <summary>The vector types that can be used here, as type arguments of fixtures.</summary>
internal static class VectorTypes
{
    /// <summary>Each vector of floats with that of doubles.</summary>
    public static IEnumerable<TestFixtureData> Vectors =>
        from types in Supported select new TestFixtureData(types.Vector, types.Doubles);

    /// <summary>All that double mathematics can be done in.</summary>
    public static IEnumerable<TestFixtureData> Reals =>
        from type in Supported.Select(types => types.Doubles).Append(typeof(HardwareDoubles)).Append(typeof(OneDouble))
        select new TestFixtureData(type);

    private static IEnumerable<(Type Vector, Type Doubles)> Supported
    {
        get
        {
            if (Avx512Vector.IsSupported)
            {
                yield return (typeof(Avx512Vector), typeof(Avx512Doubles));
            }

            if (Avx2Vector.IsSupported)
            {
                yield return (typeof(Avx2Vector), typeof(Avx2Doubles));
            }

            if (NeonVector.IsSupported)
            {
                yield return (typeof(NeonVector), typeof(NeonDoubles));
            }

            if (Sse2Vector.IsSupported)
            {
                yield return (typeof(Sse2Vector), typeof(Sse2Doubles));
            }

            yield return (typeof(ScalarVector), typeof(ScalarDoubles));
        }
    }
}
