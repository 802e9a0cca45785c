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
if(NXENT_ASSET)
  # Preprocessed files have them, see below.
  target_compile_options(nativexent_common INTERFACE -Wno-gnu-line-marker)
endif()
if(NXENT_SANITIZE)
  target_compile_definitions(nativexent_common INTERFACE NXENT_INSTRUMENTED)
  target_compile_options(nativexent_common INTERFACE
    -fsanitize=${NXENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nativexent_common INTERFACE -fsanitize=${NXENT_SANITIZE})
endif()

# For the library.
add_library(nativexent_library INTERFACE)
target_link_libraries(nativexent_library INTERFACE nativexent_common)
target_compile_definitions(nativexent_library INTERFACE NXENT_VERSION="${NXENT_VERSION}")
if(MSVC)
  target_compile_options(nativexent_library INTERFACE /GR- /EHs-c- /Zc:threadSafeInit-)
else()
  target_compile_options(nativexent_library INTERFACE
    -Wshadow -Wconversion -Wdouble-promotion -Wcast-align
    -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-math-errno
    -ffunction-sections -fdata-sections)
endif()

if(NXENT_FREESTANDING)
  # Windows and macOS expect of every function that it tells how to walk the stack past it.
  if(NXENT_OS STREQUAL "linux")
    set(unwind_tables -fno-asynchronous-unwind-tables)
  else()
    set(unwind_tables -fasynchronous-unwind-tables)
  endif()
  target_compile_options(nativexent_library INTERFACE -ffreestanding -fno-stack-protector ${unwind_tables})
  target_link_options(nativexent_library INTERFACE -nostdlib)
endif()
if(NXENT_ASSET)
  # The compiler's own headers only: those of the building machine's C library are another machine's, or not there.
  # And lines for the symbols that are kept apart.
  target_compile_options(nativexent_library INTERFACE -nostdlibinc -gline-tables-only -ffile-compilation-dir=.)
endif()

if(NXENT_OS STREQUAL "linux")
  # Marks functions as targets of indirect calls, so that processes which enforce this can load the library.
  if(NXENT_ARCH STREQUAL "x64")
    target_compile_options(nativexent_library INTERFACE -fcf-protection=full)
  else()
    target_compile_options(nativexent_library INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(nativexent_library INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections)
  if(NXENT_ASSET)
    target_link_options(nativexent_library INTERFACE -Wl,--build-id=sha1)
  else()
    target_link_options(nativexent_library INTERFACE $<$<CONFIG:Release>:-Wl,--strip-all>)
  endif()
  if(NOT NXENT_SANITIZE)
    target_link_options(nativexent_library INTERFACE -Wl,-z,defs)
  endif()
elseif(NXENT_OS STREQUAL "osx")
  target_link_options(nativexent_library INTERFACE -Wl,-dead_strip)
  if(NXENT_ASSET)
    # macOS wants every library to name libSystem. Paths of objects, which say where symbols are, count from the build.
    target_link_options(nativexent_library INTERFACE
      ${PROJECT_SOURCE_DIR}/native/cmake/libSystem.tbd -Wl,-oso_prefix,${PROJECT_BINARY_DIR}/)
  endif()
elseif(NXENT_ASSET)
  # No times, and no paths of this machine: a name in an unnamed namespace has a hash of the path of what is compiled
  # inside, and CMake has only preprocessed files compiled by a path that counts from the build's folder.
  # No table of symbols whose address matters (addrsig): stripping a static library would leave it wrong.
  target_compile_options(nativexent_library INTERFACE
    -gcodeview -gno-codeview-command-line -mno-incremental-linker-compatible -fno-addrsig -save-temps=obj)
  # No start-up code of a C run-time, no manifest.
  target_link_options(nativexent_library INTERFACE
    -Wl,/noentry -Wl,/nodefaultlib -Wl,/opt:ref -Wl,/debug -Wl,/Brepro
    -Wl,/pdbaltpath:libnativexent.pdb -Wl,/pdbsourcepath:/nativexent)
  target_link_libraries(nativexent_library INTERFACE -Wl,/manifest:no)
  if(NXENT_ARCH STREQUAL "x64")
    target_link_options(nativexent_library INTERFACE -Wl,/cetcompat)
  endif()
endif()

# Sources of each instruction set, and the flags that only they get.
if(NXENT_ARCH STREQUAL "x64")
  set(NXENT_ISAS scalar sse2 avx2 avx512)
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
  # At -O3 the unrolled software arithmetic grows beyond measure. At -Os GCC's takes more than twice the time, and Clang's
  # does not.
  set(flags_scalar $<$<CONFIG:Release>:$<IF:$<CXX_COMPILER_ID:GNU>,-O2,-Os>>)
  # A memcpy must not be recognised as memcpy and call itself.
  set(flags_freestanding -fno-builtin $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
endif()
