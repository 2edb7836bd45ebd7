# cmake -P cmake/CheckRegistered.cmake: every source, test and sample is named in a list of the build.

cmake_minimum_required(VERSION 3.22)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)

set(nmissing 0)

# require(list-file, glob, regex, replacement): the replacement of each file's path is a word of the list file.
function(require list_file glob regex replacement)
  if(EXISTS "${root}/${list_file}")
    file(READ "${root}/${list_file}" text)
  endif()
  file(GLOB files RELATIVE "${root}" "${root}/${glob}")
  foreach(path IN LISTS files)
    string(REGEX REPLACE "${regex}" "${replacement}" word "${path}")
    if(NOT text MATCHES "[ (/\n]${word}(\\.c)?[ )\n]")
      message("${path} is not in ${list_file}")
      math(EXPR nmissing "${nmissing} + 1")
    endif()
  endforeach()
  set(nmissing ${nmissing} PARENT_SCOPE)
endfunction()

foreach(layer IN ITEMS base proto deflate http io api)
  require(src/CMakeLists.txt "src/${layer}/*.c" "^src/" "")
endforeach()
require(samples/CMakeLists.txt "samples/*.c" "^samples/(.*)\\.c$" "\\1")
require(samples/CMakeLists.txt "samples/cat/*.c" "^samples/" "")
require(tests/CMakeLists.txt "tests/unit/test_*.c" "^tests/unit/test_(.*)\\.c$" "\\1")
require(tests/CMakeLists.txt "tests/integration/test_*.c" "^tests/integration/test_(.*)\\.c$" "\\1")
require(tests/fuzz/CMakeLists.txt "tests/fuzz/fuzz_*.c" "^tests/fuzz/(.*)\\.c$" "\\1")

if(nmissing GREATER 0)
  message(FATAL_ERROR "${nmissing} files are built by nobody")
endif()
message(STATUS "every source file is in a list")
