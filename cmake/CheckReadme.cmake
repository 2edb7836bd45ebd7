# cmake -P cmake/CheckReadme.cmake: the listings in README.md are the compiled samples.
#
# A code block after the line
#     <!-- sample: samples/01_echo_server.c -->
# equals the lines between /* [readme] */ and /* [/readme] */ of that file (the whole file if it has no such lines),
# and has 40 lines at most.

cmake_minimum_required(VERSION 3.22)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
set(max_lines 40)

if(NOT EXISTS "${root}/README.md")
  message(STATUS "skipped: no README.md yet")
  return()
endif()
file(READ "${root}/README.md" readme)

set(begin_mark "/* [readme] */\n")
set(end_mark "/* [/readme] */")
set(nlistings 0)
while(TRUE)
  string(FIND "${readme}" "<!-- sample: " at)
  if(at EQUAL -1)
    break()
  endif()
  string(SUBSTRING "${readme}" ${at} -1 readme)
  if(NOT readme MATCHES "^<!-- sample: ([^ \n]+) -->\n+```c\n")
    message(FATAL_ERROR "README.md: a line `<!-- sample: file -->` has no ```c block below it")
  endif()
  set(sample "${CMAKE_MATCH_1}")
  string(LENGTH "${CMAKE_MATCH_0}" skip)
  string(SUBSTRING "${readme}" ${skip} -1 readme)
  string(FIND "${readme}" "```" end)
  string(SUBSTRING "${readme}" 0 ${end} listing)

  if(NOT EXISTS "${root}/${sample}")
    message(FATAL_ERROR "README.md shows ${sample}, which does not exist")
  endif()
  file(READ "${root}/${sample}" region)
  string(FIND "${region}" "${begin_mark}" begin)
  if(NOT begin EQUAL -1)
    string(LENGTH "${begin_mark}" length)
    math(EXPR begin "${begin} + ${length}")
    string(SUBSTRING "${region}" ${begin} -1 region)
    string(FIND "${region}" "${end_mark}" end)
    if(end EQUAL -1)
      message(FATAL_ERROR "${sample} has ${begin_mark} without ${end_mark}")
    endif()
    string(SUBSTRING "${region}" 0 ${end} region)
  endif()

  if(NOT listing STREQUAL region)
    message(FATAL_ERROR "README.md: the listing of ${sample} is not what the file says")
  endif()
  string(REGEX REPLACE "[^\n]" "" newlines "${listing}")
  string(LENGTH "${newlines}" nlines)
  if(nlines GREATER max_lines)
    message(FATAL_ERROR "README.md: the listing of ${sample} has ${nlines} lines, ${max_lines} are allowed")
  endif()
  math(EXPR nlistings "${nlistings} + 1")
endwhile()

message(STATUS "${nlistings} listings in README.md equal the samples")
