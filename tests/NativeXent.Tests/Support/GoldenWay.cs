namespace NativeXent.Tests.Support;

/// <summary>The ways in which a golden case is computed.</summary>
public enum GoldenWay
{
    /// <summary>By spans, without gaps; labels are int.</summary>
    Dense,

    /// <summary>By spans, with gaps between samples; labels are long; correct rows are counted.</summary>
    Strided,

    /// <summary>Without a gradient.</summary>
    LossOnly,

    /// <summary>By pointers; in place, but where the gradient is added to something.</summary>
    Pointers,
}
