# SPDX-License-Identifier: MIT
#
# Fails unless an ELF library is what we promise. Run as a test:
#   cmake -DLIBRARY=... -DHEADER=... -DARCH=x64|arm64 -DFREESTANDING=... -DSOURCE_DIR=... -DNM=... -DREADELF=...
#         -P InspectLibrary.cmake

function(run out)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN} failed: ${result}\n${error}")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(unique_sorted list)
  list(REMOVE_DUPLICATES ${list})
  list(SORT ${list})
  set(${list} "${${list}}" PARENT_SCOPE)
endfunction()

# Exports: the header's functions, no more and no fewer.
file(READ ${HEADER} header)
string(REGEX MATCHALL "\nNXENT_API [^;(]*\\(" declarations "${header}")
set(declared "")
foreach(declaration IN LISTS declarations)
  string(REGEX MATCH "([A-Za-z0-9_]+)\\($" _ "${declaration}")
  list(APPEND declared ${CMAKE_MATCH_1})
endforeach()
unique_sorted(declared)

run(symbols ${NM} --dynamic --defined-only --format=posix ${LIBRARY})
string(REGEX MATCHALL "[^\n]+" lines "${symbols}")
set(exported "")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^[^ ]+" name "${line}")
  list(APPEND exported ${name})
endforeach()
unique_sorted(exported)
list(LENGTH declared count)
if(count EQUAL 0 OR NOT "${declared}" STREQUAL "${exported}")
  list(JOIN declared "\n  " declared)
  list(JOIN exported "\n  " exported)
  message(SEND_ERROR "The exports of ${LIBRARY} are\n  ${exported}\nbut the header declares\n  ${declared}")
endif()

# Architecture.
run(headers ${READELF} --file-header --wide ${LIBRARY})
set(machine_x64 "X86-64")
set(machine_arm64 "AArch64")
if(NOT headers MATCHES "${machine_${ARCH}}")
  message(SEND_ERROR "${LIBRARY} is not for ${ARCH}:\n${headers}")
endif()

# Dependencies and hardening.
run(dynamic ${READELF} --dynamic --wide ${LIBRARY})
if(FREESTANDING)
  if(dynamic MATCHES "NEEDED")
    message(SEND_ERROR "${LIBRARY} needs other libraries:\n${dynamic}")
  endif()
  run(undefined ${NM} --dynamic --undefined-only ${LIBRARY})
  if(NOT undefined STREQUAL "")
    message(SEND_ERROR "${LIBRARY} imports\n${undefined}")
  endif()
endif()
if(NOT dynamic MATCHES "BIND_NOW|NOW")
  message(SEND_ERROR "${LIBRARY} is not bound at load time (-z now):\n${dynamic}")
endif()
if(dynamic MATCHES "TEXTREL|RPATH|RUNPATH")
  message(SEND_ERROR "${LIBRARY} has text relocations or a search path:\n${dynamic}")
endif()
run(segments ${READELF} --program-headers --wide ${LIBRARY})
if(NOT segments MATCHES "GNU_RELRO")
  message(SEND_ERROR "${LIBRARY} leaves its relocations writable (-z relro):\n${segments}")
endif()
if(NOT segments MATCHES "GNU_STACK" OR segments MATCHES "GNU_STACK[^\n]*RWE" OR segments MATCHES "LOAD[^\n]*RWE")
  message(SEND_ERROR "${LIBRARY} has memory both writable and executable:\n${segments}")
endif()

# Where it was built is nobody's business.
file(STRINGS ${LIBRARY} paths REGEX "${SOURCE_DIR}")
if(paths)
  message(SEND_ERROR "${LIBRARY} contains ${SOURCE_DIR}:\n${paths}")
endif()

message(STATUS "${LIBRARY}: ${count} exports, as declared")
