using NativeXent.Tests.Support;
using NUnit.Framework;

namespace NativeXent.Tests;

public sealed class ExecutionOptionsTests
{
    [Test]
    public void The_default_is_one_thread_and_the_automatic_backend()
    {
        foreach (ExecutionOptions options in (ExecutionOptions[])[default, new()])
        {
            Assert.That(options.MaxDegreeOfParallelism, Is.EqualTo(1));
            Assert.That(options.Backend, Is.EqualTo(NativeXentBackend.Auto));
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(64)]
    [TestCase(int.MaxValue)]
    [TestCase(-1)]
    public void A_degree_of_parallelism_is_given_back(int value) =>
        Assert.That(new ExecutionOptions { MaxDegreeOfParallelism = value }.MaxDegreeOfParallelism, Is.EqualTo(value));

    [TestCase(0)]
    [TestCase(-2)]
    [TestCase(int.MinValue)]
    public void A_degree_of_parallelism_that_is_no_number_of_threads_is_refused(int value)
    {
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => _ = new ExecutionOptions { MaxDegreeOfParallelism = value });
        Assert.That(e.ActualValue, Is.EqualTo(value));
        Assert.That(e.Message, Does.Contain($"MaxDegreeOfParallelism is {value}; it must be −1 or at least 1."));
    }

    [TestCase(NativeXentBackend.Auto)]
    [TestCase(NativeXentBackend.Native)]
    [TestCase(NativeXentBackend.Managed)]
    public void A_backend_is_given_back(NativeXentBackend backend) =>
        Assert.That(new ExecutionOptions { Backend = backend }.Backend, Is.EqualTo(backend));

    [TestCase(3)]
    [TestCase(-1)]
    public void A_backend_that_does_not_exist_is_refused(int value)
    {
        ArgumentOutOfRangeException e = Expect.Throws<ArgumentOutOfRangeException>(
            () => _ = new ExecutionOptions { Backend = (NativeXentBackend)value });
        Assert.That(e.ActualValue, Is.EqualTo((NativeXentBackend)value));
        Assert.That(e.Message, Does.Contain($"Backend is {value}, which is no backend."));
    }

    [Test]
    public void Options_are_equal_where_their_values_are() =>
        Assert.That(
            new ExecutionOptions { MaxDegreeOfParallelism = 1, Backend = NativeXentBackend.Auto },
            Is.EqualTo(default(ExecutionOptions)).And.Not.EqualTo(new ExecutionOptions { MaxDegreeOfParallelism = 2 }));
}
