namespace NativeXent.Peers;

/// <summary>Who is given what, section by section. The entries of a list are measured in the same rounds.</summary>
internal sealed class Sections(Settings settings, IReadOnlyList<Contender> contenders)
{
    private const long CacheElements = Settings.CacheBytes / sizeof(float);

    private static int AllThreads => Environment.ProcessorCount;

    private IEnumerable<Contender> Copies => contenders.Where(it => it.Kind == ContenderKind.Ceiling);

    private IEnumerable<Contender> Ours => contenders.Where(it => it.Kind == ContenderKind.Ours);

    private IEnumerable<FacadeContender> Facades => contenders.OfType<FacadeContender>();

    private int HugeClasses => settings.IsQuick ? 300_000 : 10_000_000;

    private long Elements => settings.Bytes / sizeof(float);

    // A few numbers of classes, where something else varies.
    private IEnumerable<int> SomeClasses => settings.Classes.Where(it => it is 10 or 1_000 or 32_000 or 128_256);

    /// <summary>All contenders in all shapes.</summary>
    internal IEnumerable<(Section Section, List<Entry> Entries)> Shapes() => AllShapes().Where(IsWanted);

    /// <summary>What of this project's own cannot be compared with others, or varies apart from the shape.</summary>
    internal IEnumerable<(Section Section, List<Entry> Entries)> Parts() => AllParts().Where(IsWanted);

    private bool IsWanted((Section Section, List<Entry>) it) => settings.Sections.Contains(it.Section);

    private IEnumerable<(Section Section, List<Entry> Entries)> AllShapes()
    {
        using Workload workload = new(ElementType.Float32, Math.Max(Elements, settings.Classes.Max()));
        foreach ((Section section, long elements, int threads) in new[]
        {
            (Section.Memory, Elements, 1),
            (Section.MemoryAllThreads, Elements, AllThreads),
            (Section.Cache, CacheElements, 1),
            (Section.CacheAllThreads, CacheElements * AllThreads, AllThreads),
        })
        {
            foreach (int classes in settings.Classes)
            {
                Problem problem = workload.Cut(classes, elements, threads);
                yield return (section, [.. contenders.Select(contender => new Entry(contender, problem))]);
            }
        }
    }

    private IEnumerable<(Section Section, List<Entry> Entries)> AllParts()
    {
        using Workload workload = new(ElementType.Float32, Math.Max(Elements, HugeClasses));
        foreach (int classes in SomeClasses)
        {
            yield return (Section.Options, Options(workload.Cut(classes, Elements / 2, 1)));
        }

        foreach (int classes in SomeClasses)
        {
            yield return (Section.Alignment, Alignment(workload, classes));
        }

        foreach (int classes in new[] { 256_000, HugeClasses })
        {
            yield return (Section.HugeRows, Threads(workload, classes, classes));
        }

        // From a few rows to many, around where a second thread begins to pay.
        foreach (int elements in new[] { 1 << 12, 1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 18, 1 << 20 })
        {
            yield return (Section.GoingParallel, Threads(workload, 100, elements));
        }

        yield return (Section.SingleCall, SingleCall(workload));
        string[] sets = [.. NativeXentRuntime.UsableInstructionSets().Where(name => name != "scalar")];
        foreach (int classes in SomeClasses.Where(_ => sets.Length > 1))
        {
            yield return (Section.InstructionSets, InstructionSets(workload.Cut(classes, Elements, 1), sets));
        }

        if (settings.Sections.Intersect([Section.Types, Section.TypesInCache]).Any())
        {
            foreach ((Section, List<Entry>) types in Types())
            {
                yield return types;
            }
        }
    }

    private List<Entry> Options(Problem problem)
    {
        double[] weights = [.. Enumerable.Range(0, problem.Classes).Select(j => 0.5 + (j % 3))];
        List<(string Name, SoftmaxCrossEntropyOptions Options)> variants =
        [
            ("mean", new() { Reduction = Reduction.Mean }),
            ("ignored rows", new() { IgnoreIndex = 0 }),
            ("class weights", new() { ClassWeights = weights }),
            ("z-loss", new() { ZLossScale = 1e-4 }),
            ("label smoothing", new() { LabelSmoothing = 0.1 }),
            ("scale", new() { Scale = 0.7 }),
            ("softcap", new() { Softcap = 30 }),
            ("accumulate", new() { Accumulate = true }),
            ("every option but accumulate", Every(accumulate: false)),
            ("every option", Every(accumulate: true)),
        ];
        List<Entry> entries = [.. Copies.Select(copy => new Entry(copy, problem))];
        foreach (FacadeContender facade in Facades)
        {
            Entry plain = new(facade, problem, "no option");
            entries.Add(plain);

            // Each option by itself is told of native alone, to save time.
            entries.AddRange(variants.Skip(facade.Backend == NativeXentBackend.Native ? 0 : variants.Count - 2).Select(variant =>
                new Entry(new FacadeContender(facade.Backend, variant.Options), problem, variant.Name, plain)));
        }

        return entries;

        SoftmaxCrossEntropyOptions Every(bool accumulate) =>
            new()
            {
                Reduction = Reduction.Mean,
                IgnoreIndex = 0,
                ClassWeights = weights,
                ZLossScale = 1e-4,
                LabelSmoothing = 0.1,
                Scale = 0.7,
                Softcap = 30,
                Accumulate = accumulate,
            };
    }

    private List<Entry> Alignment(Workload workload, int classes)
    {
        Problem aligned = workload.Cut(classes, Elements, 1);
        Problem misaligned = workload.Cut(classes, Elements, 1, offset: 1);
        List<Entry> entries = [];
        foreach (Contender contender in Copies.Concat(Ours))
        {
            Entry first = new(contender, aligned, "aligned");
            entries.AddRange([first, new Entry(contender, misaligned, "misaligned", first)]);
        }

        return entries;
    }

    private List<Entry> Threads(Workload workload, int classes, long elements)
    {
        Problem alone = workload.Cut(classes, elements, 1);
        Problem together = workload.Cut(classes, elements, AllThreads);
        List<Entry> entries = [];
        foreach (Contender contender in Copies.Concat(Facades))
        {
            Entry first = new(contender, alone, "one thread");
            entries.AddRange([first, new Entry(contender, together, "all threads", first)]);
        }

        return entries;
    }

    private List<Entry> SingleCall(Workload workload)
    {
        Problem problem = workload.Cut(10, 10, 1);
        Entry function = new(Ours.First(it => !it.IsManaged), problem);
        return [function, .. Facades.Select(facade => new Entry(facade, problem, "", function))];
    }

    private List<Entry> InstructionSets(Problem problem, string[] sets)
    {
        List<Entry> entries = [.. Copies.Select(copy => new Entry(copy, problem))];
        foreach (FacadeContender facade in Facades)
        {
            Entry best = new(facade, problem, sets[0], null, sets[0]);
            entries.Add(best);
            entries.AddRange(sets.Skip(1).Select(name => new Entry(facade, problem, name, best, name)));
        }

        return entries;
    }

    // As many bytes of each type would be more elements of the shorter ones; here it is as many elements.
    private IEnumerable<(Section Section, List<Entry> Entries)> Types()
    {
        List<Workload> workloads =
            [.. Enum.GetValues<ElementType>().Select(type => new Workload(type, Math.Max(Elements, settings.Classes.Max())))];
        try
        {
            foreach (int classes in SomeClasses)
            {
                foreach ((Section section, long elements) in
                    new[] { (Section.Types, Elements), (Section.TypesInCache, CacheElements) })
                {
                    List<Entry> entries = [];
                    List<Problem> problems = [.. workloads.Select(workload => workload.Cut(classes, elements, 1))];
                    foreach (Contender contender in Copies.Concat(Facades))
                    {
                        Entry float32 = new(contender, problems[0], nameof(ElementType.Float32));
                        entries.Add(float32);
                        entries.AddRange(problems.Skip(1).Select(
                            problem => new Entry(contender, problem, $"{problem.Type}", float32)));
                    }

                    yield return (section, entries);
                }
            }
        }
        finally
        {
            workloads.ForEach(workload => workload.Dispose());
        }
    }
}
