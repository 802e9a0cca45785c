# SPDX-License-Identifier: MIT
#
# Toolchain: Clang with its own linker.
find_program(NXENT_CLANG NAMES clang-19 clang REQUIRED)
find_program(NXENT_CLANGXX NAMES clang++-19 clang++ REQUIRED)
set(CMAKE_C_COMPILER ${NXENT_CLANG})
set(CMAKE_CXX_COMPILER ${NXENT_CLANGXX})
set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=lld)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -fuse-ld=lld)
