// SPDX-License-Identifier: MIT
#include "article.h"

#include <cmath>

void article_gradient(const float* logits, const int32_t* labels, size_t batch_size, size_t num_classes,
                      float* grad_out) {
    for (size_t i = 0; i < batch_size; ++i) {
        const float* row = logits + i * num_classes;
        float* grad = grad_out + i * num_classes;
        float greatest = row[0];
        for (size_t j = 1; j < num_classes; ++j)
            if (row[j] > greatest) greatest = row[j];
        float sum = 0;
        for (size_t j = 0; j < num_classes; ++j) {
            grad[j] = std::exp(row[j] - greatest);
            sum += grad[j];
        }
        for (size_t j = 0; j < num_classes; ++j) {
            grad[j] /= sum;
            if (static_cast<int32_t>(j) == labels[i]) grad[j] -= 1;
        }
    }
}
