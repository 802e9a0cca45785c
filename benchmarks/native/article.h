// SPDX-License-Identifier: MIT
//
// The article's loop: what a C++ programmer writes first, and what this project sets out to replace.
#pragma once

#include <cstddef>
#include <cstdint>

void article_gradient(const float* logits, const int32_t* labels, size_t batch_size, size_t num_classes,
                      float* grad_out);
