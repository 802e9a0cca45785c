# SPDX-License-Identifier: MIT
#
# Every compiler and linker flag of the native code, by compiler.

# Whoever builds with a compiler we have not met can pass --compile-no-warning-as-error to cmake.
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# For all C++ code, tests too: warnings, and floating-point operations as they are written.
add_library(nativexent_common INTERFACE)
if(MSVC)
  target_compile_options(nativexent_common INTERFACE /W4 /fp:precise /utf-8 /permissive- /Zc:__cplusplus)
  # The tests read the environment.
  target_compile_definitions(nativexent_common INTERFACE _CRT_SECURE_NO_WARNINGS)
else()
  target_compile_options(nativexent_common INTERFACE
    -Wall -Wextra -Wpedantic -Wundef
    -ffp-contract=off
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
    $<$<CONFIG:Debug>:-Og>)
endif()
if(NXENT_SANITIZE)
  target_compile_options(nativexent_common INTERFACE
    -fsanitize=${NXENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nativexent_common INTERFACE -fsanitize=${NXENT_SANITIZE})
endif()

# For the library.
add_library(nativexent_library INTERFACE)
target_link_libraries(nativexent_library INTERFACE nativexent_common)
target_compile_definitions(nativexent_library INTERFACE NXENT_VERSION="${NXENT_VERSION}" NXENT_BUILDING_SHARED)
if(MSVC)
  target_compile_options(nativexent_library INTERFACE /GR- /EHs-c- /Zc:threadSafeInit-)
else()
  target_compile_options(nativexent_library INTERFACE
    -Wshadow -Wconversion -Wdouble-promotion -Wcast-align
    -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-math-errno
    -ffunction-sections -fdata-sections)
endif()

if(NXENT_FREESTANDING)
  target_compile_options(nativexent_library INTERFACE
    -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables)
  target_link_options(nativexent_library INTERFACE -nostdlib)
endif()

if(NXENT_OS STREQUAL "linux")
  # Marks functions as targets of indirect calls, so that processes which enforce this can load the library.
  if(NXENT_ARCH STREQUAL "x64")
    target_compile_options(nativexent_library INTERFACE -fcf-protection=full)
  else()
    target_compile_options(nativexent_library INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(nativexent_library INTERFACE
    -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections $<$<CONFIG:Release>:-Wl,--strip-all>)
  if(NOT NXENT_SANITIZE)
    target_link_options(nativexent_library INTERFACE -Wl,-z,defs)
  endif()
elseif(NXENT_OS STREQUAL "osx")
  target_link_options(nativexent_library INTERFACE -Wl,-dead_strip)
endif()

# Sources of each instruction set, and the flags that only they get.
if(NXENT_ARCH STREQUAL "x64")
  set(NXENT_ISAS scalar avx2 avx512)
  if(MSVC)
    set(flags_avx2 /arch:AVX2)
    set(flags_avx512 /arch:AVX512)
  else()
    set(flags_avx2 -mavx2 -mfma -mf16c)
    set(flags_avx512 -mavx512f)
  endif()
else()
  set(NXENT_ISAS scalar neon)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives in its own headers: _mm512_undefined_ps() and its kin.
  list(APPEND flags_avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(NOT MSVC)
  # At -O3 the unrolled software arithmetic grows beyond measure.
  set(flags_scalar $<$<CONFIG:Release>:-Os>)
  # A memcpy must not be recognised as memcpy and call itself.
  set(flags_freestanding -fno-builtin $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
endif()
