# SPDX-License-Identifier: MIT
#
# From what a build linked to what ships: strips it, keeps the symbols apart, inspects it, and only then puts it into
# DESTINATION. Run by the build of each asset.

set(staging ${CMAKE_CURRENT_BINARY_DIR}/asset)
file(REMOVE_RECURSE ${staging})
file(MAKE_DIRECTORY ${staging}/static ${staging}/symbols)
cmake_path(GET LINKED_LIBRARY FILENAME name)
cmake_path(GET LINKED_ARCHIVE FILENAME archive_name)
set(LIBRARY ${staging}/${name})
set(ARCHIVE ${staging}/static/${archive_name})
foreach(tool IN ITEMS nm objcopy objdump readelf readobj strip)
  string(TOUPPER ${tool} variable)
  set(${variable} ${LLVM}/llvm-${tool})
endforeach()

function(call)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${staging} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(OS STREQUAL "linux")
  call(${OBJCOPY} --only-keep-debug ${LINKED_LIBRARY} symbols/${name}.debug)
  call(${OBJCOPY} --strip-all --remove-section=.comment --add-gnu-debuglink=symbols/${name}.debug
       ${LINKED_LIBRARY} ${name})
elseif(OS STREQUAL "win")
  file(COPY ${LINKED_LIBRARY} DESTINATION ${staging})
  file(COPY ${PDB} DESTINATION ${staging}/symbols)
else()
  # The paths in it count from the build's folder.
  execute_process(COMMAND ${LLVM}/dsymutil --flat ${LINKED_LIBRARY} -o ${staging}/symbols/${name}.dwarf
    WORKING_DIRECTORY ${BUILD_DIR} COMMAND_ERROR_IS_FATAL ANY)
  # Signs it again, too.
  call(${STRIP} -S -x ${LINKED_LIBRARY} -o ${name})
endif()
call(${OBJCOPY} --strip-debug --enable-deterministic-archives ${LINKED_ARCHIVE} ${ARCHIVE})

include(${CMAKE_CURRENT_LIST_DIR}/InspectSources.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/InspectLibrary.cmake)

file(REMOVE_RECURSE ${DESTINATION})
file(COPY ${staging}/ DESTINATION ${DESTINATION})
