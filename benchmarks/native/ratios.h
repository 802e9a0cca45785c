// SPDX-License-Identifier: MIT
#pragma once

// Measures all contenders in turn, round after round, and prints throughputs and ratios. argv is what follows --ratios.
// Returns the exit code: 0 whatever the ratios are, 1 where a result is wrong, 2 where an argument is.
int print_ratios(int argc, char** argv);
