open NativeXent

let logits = [| 1.0f; 2.0f; 0.5f; 0.0f; 0.0f; 0.0f |]
let labels = [| 1; 2 |]
let gradient: float32[] = Array.zeroCreate logits.Length

SoftmaxCrossEntropy.Gradient(logits, labels, 3, gradient) |> ignore
printfn "%s" (gradient |> Array.map (fun g -> g.ToString "F2") |> String.concat "  ")

let options = SoftmaxCrossEntropyOptions(Reduction = Reduction.Mean, IgnoreIndex = -100L)
let result = SoftmaxCrossEntropy.Loss(logits, labels, 3, options)
printfn "loss %.3f, %d rows" result.Loss.Value result.Rows
