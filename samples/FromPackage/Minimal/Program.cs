using NativeXent;

float[] logits = [1.0f, 2.0f, 0.5f,     // one row of three classes
                  0.0f, 0.0f, 0.0f];    // another
int[] labels = [1, 2];                  // the true class of each row
float[] gradient = new float[logits.Length];

SoftmaxCrossEntropy.Gradient(logits, labels, 3, gradient);

Console.WriteLine(string.Join("  ", gradient.Select(g => g.ToString("F2"))));  // 0.23  -0.37  0.14  0.33  0.33  -0.67
Console.WriteLine(NativeXentRuntime.Describe());
