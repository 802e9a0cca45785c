# SPDX-License-Identifier: MIT
#
# What is being built for, in .NET's words: NXENT_OS and NXENT_ARCH, together NXENT_RID.

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(NXENT_OS linux)
elseif(CMAKE_SYSTEM_NAME STREQUAL "Windows")
  set(NXENT_OS win)
elseif(CMAKE_SYSTEM_NAME STREQUAL "Darwin")
  set(NXENT_OS osx)
else()
  message(FATAL_ERROR "NativeXent's native library is not made for ${CMAKE_SYSTEM_NAME}. .NET programs there use the "
                      "managed implementation, which gives the same results and needs no build of this.")
endif()

# MSVC's target is the compiler's, Apple's is a setting; neither need be the machine's.
if(CMAKE_CXX_COMPILER_ARCHITECTURE_ID AND NXENT_OS STREQUAL "win")
  set(processor ${CMAKE_CXX_COMPILER_ARCHITECTURE_ID})
elseif(CMAKE_OSX_ARCHITECTURES)
  set(processor ${CMAKE_OSX_ARCHITECTURES})
else()
  set(processor ${CMAKE_SYSTEM_PROCESSOR})
endif()
string(TOLOWER "${processor}" processor)
if(processor MATCHES "^(x86_64|amd64|x64)$")
  set(NXENT_ARCH x64)
elseif(processor MATCHES "^(aarch64|arm64)$")
  set(NXENT_ARCH arm64)
else()
  message(FATAL_ERROR "NativeXent's native library is made for x86-64 and arm64, one at a time, not for "
                      "'${processor}'. .NET programs there use the managed implementation, which gives the same "
                      "results and needs no build of this.")
endif()

set(NXENT_RID ${NXENT_OS}-${NXENT_ARCH})
