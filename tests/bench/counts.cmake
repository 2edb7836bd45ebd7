# The targets bench-counts and bench-counts-accept: what the server does for a message, in instructions and system calls. See
# README.md.

find_program(WSUV_PYTHON NAMES python3 python)
if(NOT WSUV_PYTHON)
  return()
endif()

set(counts_command
    "${WSUV_PYTHON}" "${CMAKE_CURRENT_SOURCE_DIR}/counts.py" --bin "${PROJECT_BINARY_DIR}/bench" --compiler
    "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION} ${CMAKE_SYSTEM_PROCESSOR} ${CMAKE_BUILD_TYPE}, libuv ${Libuv_VERSION}")
foreach(target IN ITEMS bench-counts bench-counts-accept)
  set(flag "")
  if(target MATCHES "accept")
    set(flag --accept)
  endif()
  add_custom_target(
    ${target}
    COMMAND ${counts_command} ${flag}
    DEPENDS bench_peer_wsuv wsuv-bench
    USES_TERMINAL VERBATIM)
endforeach()
