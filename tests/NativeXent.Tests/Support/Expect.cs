using NUnit.Framework;

namespace NativeXent.Tests.Support;

internal static class Expect
{
    /// <summary>The exception of exactly this type that the code must throw.</summary>
    internal static TException Throws<TException>(Action code)
        where TException : Exception => Assert.Throws<TException>(code)!;
}
