# SPDX-License-Identifier: MIT
#
# Fails where anything that an asset was compiled from lies outside of this tree and the compiler's own headers: a header
# of the building machine's would make the asset depend on that machine. Included by FinishAsset.cmake.

# A dry run only reads the log, which the ninja around this has open.
execute_process(COMMAND ${NINJA} -n -t deps WORKING_DIRECTORY ${BUILD_DIR}
  OUTPUT_VARIABLE log COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${LLVM}/clang -print-resource-dir
  OUTPUT_VARIABLE compiler OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(REAL_PATH ${SOURCE_DIR}/native sources)
file(REAL_PATH ${compiler}/include compiler)

string(REGEX MATCHALL "\n    [^\n]+" files "${log}")
list(TRANSFORM files STRIP)
list(REMOVE_DUPLICATES files)
set(foreign "")
set(known 0)
foreach(file IN LISTS files)
  file(REAL_PATH ${file} path BASE_DIRECTORY ${BUILD_DIR})
  cmake_path(IS_PREFIX sources "${path}" of_sources)
  cmake_path(IS_PREFIX compiler "${path}" of_compiler)
  if(of_sources)
    math(EXPR known "${known} + 1")
  elseif(NOT of_compiler)
    string(APPEND foreign "\n  ${path}")
  endif()
endforeach()
if(known EQUAL 0)
  message(FATAL_ERROR "${ASSET}: nothing tells what it was compiled from")
endif()
if(foreign)
  message(FATAL_ERROR "${ASSET} was compiled from files of this machine, outside of the tree and the compiler:${foreign}")
endif()
