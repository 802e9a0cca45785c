namespace NativeXent.Tests.Support;

/// <summary>Where a request's gradient goes.</summary>
internal enum GradientUse
{
    None,
    OutOfPlace,

    /// <summary>Over the logits, or the first input.</summary>
    InPlace,

    /// <summary>Over the upstream gradient of a backward operation.</summary>
    OverUpstream,
}
