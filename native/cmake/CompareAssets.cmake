# SPDX-License-Identifier: MIT
#
# Fails unless every file in SECOND is that in FIRST; then DESTINATION has them too.
#   cmake -DFIRST=... -DSECOND=... -DDESTINATION=... -P CompareAssets.cmake

foreach(folder IN ITEMS FIRST SECOND)
  file(GLOB_RECURSE files RELATIVE ${${folder}} ${${folder}}/*)
  set(${folder}_hashes "")
  foreach(file IN LISTS files)
    file(SHA256 ${${folder}}/${file} hash)
    string(APPEND ${folder}_hashes "\n${hash} ${file}")
  endforeach()
endforeach()
if(FIRST_hashes STREQUAL "" OR NOT FIRST_hashes STREQUAL SECOND_hashes)
  # What differs must not be packed.
  file(REMOVE_RECURSE ${FIRST})
  message(NOTICE "${FIRST}${FIRST_hashes}\n${SECOND}${SECOND_hashes}")
  message(FATAL_ERROR "The same sources gave different bytes")
endif()
if(NOT DESTINATION STREQUAL FIRST)
  file(COPY ${SECOND}/ DESTINATION ${DESTINATION})
endif()
