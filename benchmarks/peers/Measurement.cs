using System.Diagnostics;

namespace NativeXent.Peers;

/// <summary>A contender, the problem it is given, and the entry that its section compares it with.</summary>
internal sealed record Entry(
    Contender Contender, Problem Problem, string Variant = "", Entry? Reference = null, string? InstructionSet = null)
{
    internal string Name => Variant.Length > 0 ? $"{Contender.Name}, {Variant}" : Contender.Name;

    /// <summary>Before each run.</summary>
    internal void Force()
    {
        if (InstructionSet is { } name)
        {
            NativeXentRuntime.ForceInstructionSet(name);
        }
    }
}

/// <summary>
/// Checks every entry's result, then lets all take turns, round after round; each round begins with another.
/// </summary>
internal sealed class Measurement(Settings settings)
{
    // Whoever cannot take logits of this size is no correct peer, however fast.
    private const double LargeLogit = 1000;

    // A sample takes long enough for the clock.
    private const long ElementsPerSample = 1 << 20;

    // Whoever takes longer than this has only so many turns.
    private const double LongSample = 0.25;
    private const int TurnsOfLongSamples = 3;

    // A busy machine gets fewer rounds, so that all is done in time.
    private static readonly TimeSpan LongStep = TimeSpan.FromSeconds(8);

    // For the threads of the one before to fall asleep: those of OpenMP and of pthreadpool wait a while for more work.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(25);

    // For its own threads to wake, and for the system to move them to processors of their own. Without it a thread of
    // OpenMP's was seen to share its caller's for 10 ms, which is longer than many samples take.
    private static readonly TimeSpan Waking = TimeSpan.FromMilliseconds(25);

    // .NET compiles a method anew after 30 calls, and once more after as many that it has counted, each time after a
    // tenth of a second without other new methods.
    private const int CallsToWarmUp = 40;
    private const int TimesToWarmUp = 3;
    private static readonly TimeSpan Compilation = TimeSpan.FromMilliseconds(150);
    private const int FewElements = 1 << 16;

    private readonly Dictionary<Contender, string> _disqualified = [];
    private readonly HashSet<(string Name, ElementType Type, bool Few, bool Alone)> _warm = [];

    /// <summary>What this project's results broke of its promises.</summary>
    internal List<string> Failures { get; } = [];

    /// <summary>Finds out who is wrong where all logits are large. Their speed counts nowhere.</summary>
    internal void Disqualify(IEnumerable<Contender> contenders)
    {
        foreach (double mean in new[] { LargeLogit, -LargeLogit })
        {
            using Workload workload = new(ElementType.Float32, 1600, mean);
            Problem problem = workload.Cut(100, 1600, 1);
            List<Candidate> candidates = [.. contenders.Select(contender => new Candidate(new(contender, problem), settings, null))];
            Check(candidates);
            foreach (Candidate candidate in candidates)
            {
                if (candidate.Problem is { } reason)
                {
                    _disqualified.TryAdd(candidate.Entry.Contender, $"{reason} at logits near {mean}");
                }

                candidate.Dispose();
            }
        }
    }

    internal IEnumerable<Figure> Run(Section section, IReadOnlyList<Entry> entries)
    {
        List<Candidate> candidates = [.. entries.Select(entry => new Candidate(entry, settings, _disqualified.GetValueOrDefault(entry.Contender)))];
        try
        {
            Check(candidates);
            Stopwatch clock = Stopwatch.StartNew();
            for (int round = 0; round < settings.Rounds; round++)
            {
                if (round >= TurnsOfLongSamples && clock.Elapsed > LongStep)
                {
                    break;
                }

                for (int i = 0; i < candidates.Count; i++)
                {
                    candidates[(round + i) % candidates.Count].Measure(round);
                }
            }

            return [.. candidates.Select(candidate => candidate.Figure(section, candidates))];
        }
        finally
        {
            candidates.ForEach(candidate => candidate.Dispose());
        }
    }

    private void Check(List<Candidate> candidates)
    {
        foreach (IGrouping<Problem, Candidate> group in candidates.GroupBy(candidate => candidate.Work))
        {
            using Oracle oracle = new(group.Key);
            foreach (Candidate candidate in group)
            {
                WarmUp(candidate.Entry);
                candidate.Check(oracle);
                Failures.AddRange(candidate.BrokenPromises);
            }
        }
    }

    // Once for each method that it may be: those for few classes are others than those for many.
    private void WarmUp(Entry entry)
    {
        Problem problem = entry.Problem;
        if (settings.IsQuick
            || !entry.Contender.IsManaged
            || !_warm.Add((entry.Name, problem.Type, problem.Classes <= 32, problem.Threads == 1)))
        {
            return;
        }

        entry.Force();
        using IRun run = entry.Contender.Prepare(
            problem with { Rows = Math.Clamp(FewElements / problem.Classes, 1, problem.Rows) });
        for (int time = 0; time < TimesToWarmUp; time++)
        {
            for (int call = 0; call < CallsToWarmUp; call++)
            {
                run.Run(1);
            }

            Thread.Sleep(Compilation);
        }
    }

    private sealed class Candidate(Entry entry, Settings settings, string? disqualified) : IDisposable
    {
        private readonly List<double> _times = [];
        private IRun? _run;
        private Error? _error;
        private double _bytesAllocated = double.MaxValue;

        internal Entry Entry => entry;

        internal List<string> BrokenPromises { get; } = [];

        private Contender Contender => entry.Contender;

        internal Problem Work => entry.Problem;

        /// <summary>Why it does not count, if so.</summary>
        internal string? Problem { get; private set; } = disqualified;

        private bool Counts => _run is not null && Problem is null;

        internal void Check(Oracle oracle)
        {
            try
            {
                entry.Force();
                _run = Contender.Prepare(Work);
                oracle.Spoil();
                Check(oracle, _run.Run(1));
            }
            catch (InvalidOperationException e) when (Contender.Kind == ContenderKind.Peer)
            {
                // Somebody else's library failed. That is a result too.
                Dispose();
                Problem = e.Message;
            }
        }

        internal void Measure(int round)
        {
            if (_run is null || (round >= TurnsOfLongSamples && _times[0] > LongSample))
            {
                return;
            }

            entry.Force();
            if (Work.Threads > 1 && !settings.IsQuick)
            {
                Thread.Sleep(Rest);
                Stopwatch clock = Stopwatch.StartNew();
                do
                {
                    _run.Run(1);
                }
                while (clock.Elapsed < Waking);
            }

            long repetitions = settings.IsQuick ? 1 : Math.Max(1, ElementsPerSample / Work.Elements);
            long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
            long begin = Stopwatch.GetTimestamp();
            _run.Run(repetitions);
            _times.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds / repetitions);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
            _bytesAllocated = Math.Min(_bytesAllocated, (double)allocated / repetitions);
        }

        internal Figure Figure(Section section, List<Candidate> all)
        {
            IEnumerable<Candidate> same = all.Where(other => other.Counts && other.Work == Work);
            Candidate? copy = same.Where(other => other.Contender.Kind == ContenderKind.Ceiling).MinBy(Median);
            Candidate? peer = same.Where(other => other.Contender.Kind == ContenderKind.Peer).MinBy(Median);
            Candidate? reference = all.Find(other => ReferenceEquals(other.Entry, entry.Reference));
            bool measured = _run is not null;
            return new Figure(
                section,
                Contender.Name,
                Contender.Kind,
                entry.Variant,
                Work.Rows,
                Work.Classes,
                Work.Threads,
                measured ? Median(this) : null,
                measured ? _times.Min() : null,
                measured ? _times.Max() : null,
                RatioTo(copy),
                RatioTo(peer),
                RatioTo(reference) * (reference?.Work.Elements / (double)Work.Elements),
                measured && Contender.IsManaged ? _bytesAllocated : null,
                _error?.Ulp,
                _error?.LabelUlp,
                Problem);
        }

        public void Dispose()
        {
            _run?.Dispose();
            _run = null;
        }

        private static double Median(Candidate candidate) => Statistics.Median(candidate._times);

        // Of the times in the same round, so that what slows a whole round does not count.
        private double? RatioTo(Candidate? other) =>
            _run is null || other is null
                ? null
                : Statistics.Median([.. _times.Zip(other._times, (mine, others) => mine / others)]);

        private void Check(Oracle oracle, nint gradient)
        {
            if (Contender.Kind == ContenderKind.Ceiling)
            {
                if (!oracle.IsCopy(gradient))
                {
                    throw new InvalidDataException($"{entry.Name} is no copy of {Work.Rows} x {Work.Classes}.");
                }
            }
            else if (Contender is FacadeContender { Options: { } } facade)
            {
                CheckOptions(facade);
            }
            else
            {
                _error = oracle.Compare(gradient);
                if (Contender.Kind == ContenderKind.Ours && !_error.Value.IsPromised(Work.Type))
                {
                    Break($"{_error.Value.Ulp:F2} ULP, at the label {_error.Value.LabelUlp:F2}");
                }
                else if (!_error.Value.IsTextbook(Work.Type))
                {
                    Problem = "wrong";
                }
            }
        }

        // The tests hold both backends to the formulas of the options; here they are held to each other, in a few rows.
        private void CheckOptions(FacadeContender facade)
        {
            Problem few = Work with { Rows = Math.Clamp(FewElements / Work.Classes, 1, Work.Rows) };
            using Oracle oracle = new(few);
            FacadeContender other = facade.WithOtherBackend();
            if (!BitsOf(facade).AsSpan().SequenceEqual(BitsOf(other)))
            {
                Break("native and managed bits differ");
            }

            byte[] BitsOf(FacadeContender contender)
            {
                using IRun run = contender.Prepare(few);
                oracle.Spoil();
                return oracle.Rows(run.Run(1));
            }
        }

        private void Break(string promise) =>
            BrokenPromises.Add($"{entry.Name}, {Work.Type}, {Work.Rows} x {Work.Classes}: {promise}.");
    }
}
