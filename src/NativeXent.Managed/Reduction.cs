namespace NativeXent;

/// <summary>What becomes of the losses of a batch.</summary>
public enum Reduction
{
    /// <summary>Each is for itself: there is no total, and gradients are those of each loss.</summary>
    None = 0,

    /// <summary>They are added.</summary>
    Sum = 1,

    /// <summary>They are added and divided by the weight of the batch, and so are gradients.</summary>
    Mean = 2,
}
