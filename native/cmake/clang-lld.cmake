# SPDX-License-Identifier: MIT
#
# Toolchain: Clang with its own linker and tools, for this machine or, with NXENT_ASSET, for a runtime identifier of
# .NET. Code that needs nothing needs no SDK and no sysroot either, so that one machine builds for all.

set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NXENT_ASSET)
find_program(NXENT_CLANG NAMES clang-19 clang REQUIRED)
# Beside the compiler itself all its tools go by their plain names, whatever the system calls them in PATH.
file(REAL_PATH ${NXENT_CLANG} clang)
cmake_path(GET clang PARENT_PATH NXENT_LLVM)
set(CMAKE_C_COMPILER ${NXENT_LLVM}/clang)
set(CMAKE_CXX_COMPILER ${NXENT_LLVM}/clang++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=lld)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -fuse-ld=lld)

if(NXENT_ASSET)
  if(NXENT_ASSET MATCHES "-arm64$")
    set(CMAKE_SYSTEM_PROCESSOR aarch64)
  else()
    set(CMAKE_SYSTEM_PROCESSOR x86_64)
  endif()
  if(NXENT_ASSET MATCHES "^linux-musl-")
    set(CMAKE_SYSTEM_NAME Linux)
    set(triple ${CMAKE_SYSTEM_PROCESSOR}-unknown-linux-musl)
  elseif(NXENT_ASSET MATCHES "^linux-")
    set(CMAKE_SYSTEM_NAME Linux)
    set(triple ${CMAKE_SYSTEM_PROCESSOR}-unknown-linux-gnu)
  elseif(NXENT_ASSET MATCHES "^win-")
    set(CMAKE_SYSTEM_NAME Windows)
    set(triple ${CMAKE_SYSTEM_PROCESSOR}-pc-windows-msvc)
    set(CMAKE_RC_COMPILER ${NXENT_LLVM}/llvm-rc)
    # CMake would link Windows' own libraries and the C run-time.
    set(CMAKE_C_STANDARD_LIBRARIES "" CACHE STRING "")
    set(CMAKE_CXX_STANDARD_LIBRARIES "" CACHE STRING "")
    set(CMAKE_MSVC_RUNTIME_LIBRARY "")
  elseif(NXENT_ASSET MATCHES "^osx-")
    set(CMAKE_SYSTEM_NAME Darwin)
    set(triple ${CMAKE_SYSTEM_PROCESSOR}-apple-macos)
    set(CMAKE_INSTALL_NAME_TOOL ${NXENT_LLVM}/llvm-install-name-tool)
    # Not even an SDK that the environment has.
    set(CMAKE_OSX_SYSROOT "")
  else()
    message(FATAL_ERROR "NativeXent ships no asset for '${NXENT_ASSET}'.")
  endif()
  set(CMAKE_C_COMPILER_TARGET ${triple})
  set(CMAKE_CXX_COMPILER_TARGET ${triple})
  # There is nothing to link a program with.
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
endif()
