using NativeXent.Interop;

namespace NativeXent.Jobs;

/// <summary>What targets are.</summary>
internal enum TargetType
{
    LabelsInt32 = nxent_target_type.NXENT_LABELS_INT32,
    LabelsInt64 = nxent_target_type.NXENT_LABELS_INT64,
    Distribution = nxent_target_type.NXENT_DISTRIBUTION,
}
