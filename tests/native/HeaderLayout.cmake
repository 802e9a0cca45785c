# SPDX-License-Identifier: MIT
#
# Lists every structure, field and value of an enumeration that the header declares, so that no test's own list can miss
# one:
#   cmake -DHEADER=... -DOUTPUT=... -P HeaderLayout.cmake
# Fails at a line of a declaration that it does not understand.

file(READ ${HEADER} text)
# What has a meaning in a list of CMake's has none here.
string(REGEX REPLACE "[][]" "" text "${text}")
string(REPLACE ";" "@" text "${text}")
string(REPLACE "\n" ";" lines "${text}")

set(kind "")
set(entries "")
foreach(line IN LISTS lines)
  if(line MATCHES "^typedef (struct|enum) ([a-z0-9_]+) {$")
    set(kind ${CMAKE_MATCH_1})
    set(type ${CMAKE_MATCH_2})
    if(kind STREQUAL "struct")
      string(APPEND entries "NXENT_STRUCT(${type})\n")
    endif()
  elseif(line MATCHES "^} ([a-z0-9_]+)@$")
    set(kind "")
  elseif(line MATCHES "^ +(/\\*\\*|\\*)" AND kind)
    # A comment.
  elseif(kind STREQUAL "struct" AND line MATCHES "^    [a-z][a-z0-9_ *]*[ *]([a-z0-9_]+)@$")
    string(APPEND entries "NXENT_FIELD(${type}, ${CMAKE_MATCH_1})\n")
  elseif(kind STREQUAL "enum" AND line MATCHES "^    (NXENT_[A-Z0-9_]+)( = [0-9]+)?,?$")
    string(APPEND entries "NXENT_VALUE(${type}, ${CMAKE_MATCH_1})\n")
  elseif(kind OR line MATCHES "^ *(typedef|struct|union|enum) ")
    message(FATAL_ERROR "${HEADER}: not understood: ${line}")
  endif()
endforeach()
if(entries STREQUAL "")
  message(FATAL_ERROR "${HEADER} declares nothing")
endif()
file(WRITE ${OUTPUT} "${entries}")
