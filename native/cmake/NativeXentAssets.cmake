# SPDX-License-Identifier: MIT
#
# Builds the asset of every runtime identifier into artifacts/assets/<rid>/, twice, in two folders of different names:
# the same sources must give the same bytes. Linux's assets need no C library, so what is built second, for musl, must
# have the bytes of what was built first, for glibc.

set(again "${PROJECT_BINARY_DIR}/the same sources again")
set(assets artifacts/assets)

# Keeps the times of the files, so that only what changed is built.
add_custom_target(sources_again
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${again}/native ${again}/${assets}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${again}
  COMMAND ${CMAKE_COMMAND} -E tar cf ${PROJECT_BINARY_DIR}/sources.tar CMakeLists.txt CMakePresets.json VERSION native
  COMMAND ${CMAKE_COMMAND} -E chdir ${again} ${CMAKE_COMMAND} -E tar xf ${PROJECT_BINARY_DIR}/sources.tar
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "The sources again, elsewhere" VERBATIM)

function(build target rid folder)
  # One job each: the assets are built side by side.
  add_custom_target(${target}
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${assets}/${rid}
    COMMAND ${CMAKE_COMMAND} --preset ${rid} --log-level=WARNING
    COMMAND ${CMAKE_COMMAND} --build --preset ${rid} --parallel 1
    WORKING_DIRECTORY ${folder} COMMENT "${target}" VERBATIM)
endfunction()

foreach(rid IN ITEMS linux-x64 linux-arm64 win-x64 win-arm64 osx-x64 osx-arm64)
  string(REPLACE linux- linux-musl- rid_again ${rid})
  build(${rid} ${rid} ${PROJECT_SOURCE_DIR})
  build(${rid}_again ${rid_again} ${again})
  add_dependencies(${rid}_again sources_again)
  add_custom_target(${rid}_compared ALL
    COMMAND ${CMAKE_COMMAND} -DFIRST=${PROJECT_SOURCE_DIR}/${assets}/${rid} -DSECOND=${again}/${assets}/${rid_again}
      -DDESTINATION=${PROJECT_SOURCE_DIR}/${assets}/${rid_again} -P ${CMAKE_CURRENT_LIST_DIR}/CompareAssets.cmake
    COMMENT "${rid}: the same bytes twice?" VERBATIM)
  add_dependencies(${rid}_compared ${rid} ${rid}_again)
endforeach()
