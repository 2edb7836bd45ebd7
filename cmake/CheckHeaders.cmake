# cmake -D LANGUAGE=C|CXX -D COMPILER=cc -D INCLUDES=dir;dir -D WORK=dir -P cmake/CheckHeaders.cmake
#
# Every public header compiles alone, twice in one file, without a warning.

cmake_minimum_required(VERSION 3.22)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)

if(LANGUAGE STREQUAL "CXX")
  find_program(CXX_COMPILER NAMES c++ g++ clang++)
  if(NOT CXX_COMPILER)
    message(STATUS "skipped: no C++ compiler")
    return()
  endif()
  set(COMPILER "${CXX_COMPILER}")
  set(standard -std=gnu++11)
  set(suffix cpp)
else()
  set(standard -std=gnu11 -Wstrict-prototypes)
  set(suffix c)
endif()

set(flags ${standard} -Wall -Wextra -Wpedantic -Werror -fsyntax-only "-I${root}/include")
foreach(dir IN LISTS INCLUDES)
  list(APPEND flags -isystem "${dir}")
endforeach()
list(REMOVE_ITEM flags -isystem /usr/include)

file(GLOB_RECURSE headers RELATIVE "${root}/include" "${root}/include/*.h")
list(SORT headers)
file(MAKE_DIRECTORY "${WORK}")
set(nbroken 0)
foreach(header IN LISTS headers)
  string(REPLACE "/" "_" name "${header}")
  set(source "${WORK}/${name}.${suffix}")
  file(WRITE "${source}" "#include \"${header}\"\n#include \"${header}\"\nextern int nothing;\n")
  execute_process(COMMAND "${COMPILER}" ${flags} "${source}" RESULT_VARIABLE result
                  ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message("include/${header} does not compile alone as ${LANGUAGE}:\n${errors}")
    math(EXPR nbroken "${nbroken} + 1")
  endif()
endforeach()

list(LENGTH headers nheaders)
if(nbroken GREATER 0)
  message(FATAL_ERROR "${nbroken} of ${nheaders} public headers do not compile alone")
endif()
message(STATUS "${nheaders} public headers compile alone as ${LANGUAGE}")
