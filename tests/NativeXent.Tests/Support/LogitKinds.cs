namespace NativeXent.Tests.Support;

/// <summary>What rows of logits a request has, the simplest first.</summary>
internal enum LogitKinds
{
    /// <summary>Normal ones, so close together that every class counts.</summary>
    Close,

    /// <summary>Those that have a gradient.</summary>
    Ordinary,

    /// <summary>Those, and NaN, infinities and nothing but −∞.</summary>
    All,
}
