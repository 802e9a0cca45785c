namespace NativeXent.Jobs;

/// <summary>
/// A checked request, every pointer and range sound: what the facade hands to a backend. Its fields are those of the
/// native library's structures, which say what each means; but strides are never 0, nor are inner size and scales.
/// </summary>
internal interface IJob<TSelf>
    where TSelf : struct, IJob<TSelf>
{
    /// <summary>The same job for other rows.</summary>
    TSelf Part(nuint begin, nuint end);

    /// <summary>Does the job.</summary>
    static abstract void Run(in TSelf job, bool native, out Totals totals);
}
