using System.Runtime.InteropServices;

namespace NativeXent.Peers;

/// <summary>The contenders that are written in C++: what the libraries in artifacts/peers export, by native/peer.h.</summary>
internal static unsafe class NativeContenders
{
    /// <summary>All of them; and those that are missing, by name and reason.</summary>
    internal static (List<Contender> Found, List<(string Name, string Reason)> Missing) Load(string folder)
    {
        List<Contender> found = [];
        List<(string Name, string Reason)> missing = [];
        foreach ((string library, ContenderKind kind, string[] names, string needs) in Expected)
        {
            string path = Path.Combine(folder, $"lib{library}.so");
            if (!File.Exists(path))
            {
                missing.AddRange(names.Select(name => (name, $"not built, for want of {needs}")));
            }
            else if (TryLoad(path, out nint handle, out string? problem))
            {
                found.AddRange(Contenders(handle, kind));
            }
            else
            {
                missing.AddRange(names.Select(name => (name, problem)));
            }
        }

        return (found, missing);
    }

    // Each library, its contenders should it be missing, and what brings it.
    private static (string Library, ContenderKind Kind, string[] Names, string Needs)[] Expected { get; } =
    [
        ("peer_copies", ContenderKind.Ceiling, ["memcpy"], "the build with NXENT_BUILD_PEERS"),
        ("peer_article", ContenderKind.Peer, ["article's loop, -O3"], "the build with NXENT_BUILD_PEERS"),
        ("peer_article_fast", ContenderKind.Peer, ["article's loop, -O3 -march=native -ffast-math"],
            "the build with NXENT_BUILD_PEERS"),
        ("peer_onednn", ContenderKind.Peer, ["oneDNN softmax, one-hot"], "libdnnl-dev (apt)"),
        ("peer_xnnpack", ContenderKind.Peer, ["XNNPACK softmax, one-hot"], "libxnnpack-dev and libpthreadpool-dev (apt)"),
        ("peer_pytorch", ContenderKind.Peer, ["PyTorch cross_entropy, backward", "PyTorch softmax, one-hot"],
            "libtorch-dev (apt)"),
        ("peer_onnxruntime", ContenderKind.Peer, ["ONNX Runtime Softmax, one-hot"], "onnxruntime-node (npm)"),
        ("peer_nativexent", ContenderKind.Ours, ["NativeXent, native from C"], "the build with NXENT_BUILD_PEERS"),
    ];

    private static bool TryLoad(string path, out nint handle, out string problem)
    {
        try
        {
            handle = NativeLibrary.Load(path);
            problem = string.Empty;
            return true;
        }
        catch (DllNotFoundException e)
        {
            handle = 0;
            problem = $"cannot be loaded: {e.Message}";
            return false;
        }
    }

    private static List<Contender> Contenders(nint handle, ContenderKind kind)
    {
        var peerAt = (delegate* unmanaged<nuint, Peer*>)NativeLibrary.GetExport(handle, "peer_at");
        List<Contender> contenders = [];
        for (Peer* peer = peerAt(0); peer != null; peer = peerAt((nuint)contenders.Count))
        {
            contenders.Add(new NativeContender(peer, kind));
        }

        return contenders;
    }

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? string.Empty;

#pragma warning disable CS0649 // The library fills them.
    private struct Peer
    {
        internal byte* Name;
        internal byte* Version;
        internal delegate* unmanaged<NativeProblem*, nint> Prepare;
        internal delegate* unmanaged<nint, nuint, nint> Run;
        internal delegate* unmanaged<nint, void> Release;
        internal delegate* unmanaged<byte*> Error;
    }
#pragma warning restore CS0649

    private struct NativeProblem
    {
        internal nint Logits;
        internal nint Labels;
        internal nint Gradient;
        internal nuint Rows;
        internal nuint Classes;
        internal int Threads;
    }

    private sealed class NativeContender(Peer* peer, ContenderKind kind)
        : Contender(Text(peer->Name), kind, Text(peer->Version))
    {
        internal override bool IsManaged => false;

        internal override IRun Prepare(Problem problem)
        {
            // A copy does not care what it copies: of another type as many bytes.
            long floats = problem.Elements * problem.ElementSize / sizeof(float);
            bool isFloat = problem.Type == ElementType.Float32;
            if (!isFloat && Kind != ContenderKind.Ceiling)
            {
                throw new NotSupportedException($"{Name} is compared in float32 only.");
            }

            NativeProblem native = new()
            {
                Logits = problem.Logits,
                Labels = problem.Labels,
                Gradient = problem.Gradient,
                Rows = isFloat ? (nuint)problem.Rows : 1,
                Classes = isFloat ? (nuint)problem.Classes : (nuint)floats,
                Threads = problem.Threads,
            };
            nint prepared = peer->Prepare(&native);
            return prepared != 0 ? new NativeRun(peer, prepared, Name) : throw Failure(peer, Name);
        }
    }

    private sealed class NativeRun(Peer* peer, nint prepared, string name) : IRun
    {
        public nint Run(long repetitions)
        {
            nint gradient = peer->Run(prepared, (nuint)repetitions);
            return gradient != 0 ? gradient : throw Failure(peer, name);
        }

        public void Dispose() => peer->Release(prepared);
    }

    private static InvalidOperationException Failure(Peer* peer, string name) => new($"{name}: {Text(peer->Error())}");
}
