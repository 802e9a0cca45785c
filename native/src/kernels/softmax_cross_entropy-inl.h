// SPDX-License-Identifier: MIT
//
// Softmax cross-entropy from logits: every row of a job by the fastest way it can take.
#pragma once

#include "row_groups-inl.h"
#include "wide_range-inl.h"

namespace nxent {
namespace NXENT_TARGET {
namespace {

template <class V>
void softmax_cross_entropy_in(const SoftmaxCrossEntropyJob& job, nxent_totals& totals) {
    const Rows& rows = job.rows;
    const Plan plan = make_plan(job);
    const bool simple = changes_scale_only(job, plan);
    if (takes_groups(job, plan)) return compute_groups<V>(job, plan, totals);
    const bool plain = simple && job.element_type == Numbers<V>::kType;
    const bool staged = rows.inner > 1 && rows.classes <= kStagedClasses;
    for (size_t i = rows.begin; i < rows.end;) {
        if (staged) {
            // Groups end where samples do.
            const size_t left = rows.end - i < rows.inner - i % rows.inner ? rows.end - i : rows.inner - i % rows.inner;
            const size_t count = left < kStagedRows ? left : kStagedRows;
            staged_rows<V>(job, plan, i, count, totals);
            i += count;
        } else if (plain && !(plan.checks_range && needs_wide_range<V>(job, plan, i))) {
            compute_plain_row<V>(job, plan, i++, totals);
        } else {
            direct_row<V>(job, plan, i++, totals);
        }
    }
}

void softmax_cross_entropy(const SoftmaxCrossEntropyJob& job, nxent_totals& totals) {
    if (!job.logits) {
        for (size_t i = job.rows.begin; i < job.rows.end; ++i) count_row(totals, label_of(job, i), 0, 0, false);
        return;
    }
    if (job.element_type == NXENT_FLOAT64)
        softmax_cross_entropy_in<D>(job, totals);
    else
        softmax_cross_entropy_in<F>(job, totals);
}

void softmax_cross_entropy_part(const SoftmaxCrossEntropyJob& job, const RowPart& part, nxent_totals& totals) {
    if (job.element_type == NXENT_FLOAT64)
        compute_part<D>(job, part, totals);
    else
        compute_part<F>(job, part, totals);
}

}  // namespace
}  // namespace NXENT_TARGET
}  // namespace nxent
