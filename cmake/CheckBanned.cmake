# cmake -P cmake/CheckBanned.cmake: functions that the library must not call.

cmake_minimum_required(VERSION 3.22)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)

# No bound, hidden state or no error report.
set(unsafe "strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|rand|srand|alloca")
# A library prints nothing.
set(prints "printf|fprintf|vprintf|vfprintf|puts|putchar|fputs|perror")
# Memory comes from an allocator that somebody handed in (src/base/alloc.h).
set(allocates "malloc|calloc|realloc|free|strdup|strndup")

set(nbroken 0)
file(GLOB_RECURSE sources RELATIVE "${root}" "${root}/src/*.c" "${root}/src/*.h")
list(SORT sources)
foreach(path IN LISTS sources)
  set(banned "${unsafe}|${prints}")
  if(NOT path STREQUAL "src/base/alloc.c")
    string(APPEND banned "|${allocates}")
  endif()
  file(READ "${root}/${path}" text)
  string(REGEX REPLACE "[][\\;]" "." text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(number 0)
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    if(line MATCHES "^ *(/\\*|\\*)")
      continue()
    endif()
    if(line MATCHES "(^|[^A-Za-z0-9_.>])(${banned}) *\\(")
      message("${path}:${number} calls ${CMAKE_MATCH_2}")
      math(EXPR nbroken "${nbroken} + 1")
    endif()
  endforeach()
endforeach()

list(LENGTH sources nsources)
if(nbroken GREATER 0)
  message(FATAL_ERROR "${nbroken} calls of banned functions")
endif()
message(STATUS "${nsources} files call no banned function")
