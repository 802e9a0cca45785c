namespace NativeXent;

/// <summary>
/// How a call of <see cref="LinearSoftmaxCrossEntropy"/> is carried out. Nothing here changes a bit of the result.
/// </summary>
public readonly record struct LinearExecutionOptions
{
    /// <summary>Threads and backend.</summary>
    public ExecutionOptions Execution { get; init; }

    /// <summary>
    /// The most memory to rent, in bytes; null, the default, for what 256 rows at a time need. With less, fewer rows are
    /// computed at a time, a multiple of 128; it is never less than 128 rows need, whatever is said here.
    /// <see cref="LinearSoftmaxCrossEntropy.WorkspaceBytes"/> tells what a call takes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public long? MaxWorkspaceBytes
    {
        get;
        init => field = value is <= 0 ? throw Errors.WorkspaceNotPositive(value.Value) : value;
    }

    /// <summary>
    /// Is told, on the calling thread, which part of the rows that count is done, from above 0 to 1, after each chunk; null for
    /// nobody.
    /// </summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>
    /// Cancels the call between two chunks, with an <see cref="OperationCanceledException"/>. What has been written then is
    /// complete for a number of rows from the first that counts on, a multiple of 128: gradients of weight and bias are the
    /// sums over these rows, on top of what they held where they are accumulated; what belongs to later rows is as before.
    /// Before the first chunk nothing has been written.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }
}
