namespace NativeXent.Peers;

/// <summary>The figures that the project means to reach, and how near it has come.</summary>
internal static class Targets
{
    private const string Native = "NativeXent, native from C";
    private static readonly string Facade = FacadeContender.NameOf(NativeXentBackend.Native);
    private static readonly string Managed = FacadeContender.NameOf(NativeXentBackend.Managed);

    internal static ReportTable Table(Results results)
    {
        string twinLimit = results.Machine.InstructionSet == "avx512" ? "1.30" : "1.50";
        List<string[]> rows = [];
        AtMost("one thread, 1,000 to 128,256 classes: time / faster copy", 1.25,
            Shape(Section.Memory, Native, 1_000, 128_256), figure => figure.TimeToCopy);
        AtMost("one thread, 256,000 classes: time / faster copy", 1.5,
            Shape(Section.Memory, Native, 256_000, 256_000), figure => figure.TimeToCopy);
        AtLeast("one thread, 100 classes and more: speed / best correct peer", 2,
            Shape(Section.Memory, Native, 33, int.MaxValue), figure => 1 / figure.TimeToBestPeer);
        AtLeast("one thread, 2 to 32 classes: speed / best correct peer", 4,
            Shape(Section.Memory, Native, 2, 32), figure => 1 / figure.TimeToBestPeer);
        AtMost("all threads, from .NET, 1,000 to 128,256 classes: time / faster copy on all threads", 1.25,
            Shape(Section.MemoryAllThreads, Facade, 1_000, 128_256), figure => figure.TimeToCopy);
        AtMost("one huge row, all threads: time / that on one thread", 1.0 / 1.5,
            results.Of(Section.HugeRows).Where(figure => figure.Contender == Facade && figure.Threads > 1),
            figure => figure.TimeToReference);
        AtLeast("Half and bfloat16: elements per second / float32's", 1.7,
            Variants(Section.Types, Facade, nameof(ElementType.Float16), nameof(ElementType.BFloat16))
                .Where(figure => figure.Classes >= 1_000),
            figure => 1 / figure.TimeToReference);
        AtMost("every option on: time / plain", 1.3,
            Variants(Section.Options, Facade, "every option but accumulate"), figure => figure.TimeToReference);
        AtMost($"the managed twin: time / native's", double.Parse(twinLimit, System.Globalization.CultureInfo.InvariantCulture),
            Shape(Section.Memory, Managed, 2, int.MaxValue), TimeToNative);
        AtMost("one call, one row of 10 classes: ns above the C function", 25,
            Variants(Section.SingleCall, Facade, ""), figure => 1e9 * (figure.SecondsPerCall - SingleCallOfC()));
        AtMost("AVX2 forced: time / AVX-512's", 1.4,
            Variants(Section.InstructionSets, Facade, "avx2"), figure => figure.TimeToReference);
        return new ReportTable(
            "Targets",
            "The number of classes that is nearest to missing each target, or furthest beyond it.",
            ["", "target", "measured", "at classes", "reached"],
            rows);

        void AtMost(string title, double limit, IEnumerable<Figure> figures, Func<Figure, double?> value) =>
            Add(title, "at most", limit, figures, value, measured => measured <= limit, worstIsLargest: true);

        void AtLeast(string title, double limit, IEnumerable<Figure> figures, Func<Figure, double?> value) =>
            Add(title, "at least", limit, figures, value, measured => measured >= limit, worstIsLargest: false);

        void Add(
            string title,
            string word,
            double limit,
            IEnumerable<Figure> figures,
            Func<Figure, double?> value,
            Predicate<double> holds,
            bool worstIsLargest)
        {
            List<(int Classes, double Value)> values =
            [
                .. figures.Select(figure => (figure.Classes, Value: value(figure)))
                    .Where(it => it.Value is not null).Select(it => (it.Classes, it.Value!.Value)),
            ];
            if (values.Count == 0)
            {
                rows.Add([title, $"{word} {Tables.Ratio(limit)}", "not measured here", "-", "-"]);
                return;
            }

            (int classes, double worst) =
                worstIsLargest ? values.MaxBy(it => it.Value) : values.MinBy(it => it.Value);
            rows.Add(
            [
                title,
                $"{word} {Tables.Ratio(limit)}",
                Tables.Ratio(worst),
                Tables.Number(classes),
                holds(worst) ? "yes" : "no",
            ]);
        }

        IEnumerable<Figure> Shape(Section section, string contender, int least, int most) =>
            results.Of(section).Where(figure =>
                figure.Contender == contender && figure.Classes >= least && figure.Classes <= most);

        IEnumerable<Figure> Variants(Section section, string contender, params string[] variants) =>
            results.Of(section).Where(figure => figure.Contender == contender && variants.Contains(figure.Variant));

        double? TimeToNative(Figure figure) =>
            figure.SecondsPerCall / Shape(Section.Memory, Facade, figure.Classes, figure.Classes).First().SecondsPerCall;

        double? SingleCallOfC() =>
            results.Of(Section.SingleCall).FirstOrDefault(figure => figure.Contender == Native)?.SecondsPerCall;
    }
}
