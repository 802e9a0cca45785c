Imports NativeXent

Module Program
    Sub Main()
        Dim logits As Single() = {1.0F, 2.0F, 0.5F, 0.0F, 0.0F, 0.0F}
        Dim labels As Integer() = {1, 2}
        Dim gradient(logits.Length - 1) As Single

        SoftmaxCrossEntropy.Gradient(logits, labels, 3, gradient)
        Console.WriteLine(String.Join("  ", gradient.Select(Function(g) g.ToString("F2"))))

        Dim options As New SoftmaxCrossEntropyOptions With {.Reduction = Reduction.Mean, .IgnoreIndex = -100}
        Dim result = SoftmaxCrossEntropy.Loss(logits, labels, 3, options)
        Console.WriteLine($"loss {result.Loss.Value:F3}, {result.Rows} rows")
    End Sub
End Module
