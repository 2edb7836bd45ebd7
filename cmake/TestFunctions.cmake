# wsuv_add_unit_test(name [CORE] [SOURCES file...] [LABEL label] [TIMEOUT seconds] [ARGS arg...] [LIBRARIES lib...])
#
#   builds test_<name> of unit/test_<name>.c (or of SOURCES, relative to the calling directory) with cmocka and
#   tests/support, and registers it as <label>.<name>. It sees the library's internals and its headers; with CORE it is
#   linked with the core only. A program that returns 77 is a skipped test and says why. WSUV_SLOW_RUN is set in its
#   environment when it runs under WSUV_TEST_LAUNCHER: long loops may be shorter then.
#
# wsuv_add_integration_test(name ...) is the same for integration/test_<name>.c and label integration.
#
# wsuv_add_interop_test(name COMMAND command...) registers a script or program that talks to another implementation,
#   label interop. Environment: WSUV_BIN_DIR and WSUV_TESTEES (the test peers), NODE_PATH, WSUV_INTEROP_DIR, WSUV_PYTHON.
#
# wsuv_add_test_peer(name SOURCES file...) builds a helper program for such tests into WSUV_BIN_DIR.

set(WSUV_BIN_DIR "${PROJECT_BINARY_DIR}/bin")
set(WSUV_INTEROP_DIR
    "${PROJECT_SOURCE_DIR}/build/tests/interop"
    CACHE PATH "Where 'sh cmake/deps.sh interop' puts node_modules for the interop tests")

# Debian's Python sees Debian's python3-websockets; another python3 that comes first in PATH may not.
find_program(WSUV_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(WSUV_PYTHON NAMES python3)

function(wsuv_add_test_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "CORE" "" "SOURCES;LIBRARIES")
  add_executable(${target} ${arg_SOURCES} $<TARGET_OBJECTS:wsuv_test_support>)
  wsuv_target_defaults(${target} EXTENSIONS)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  if(arg_CORE)
    target_link_libraries(${target} PRIVATE wsuv_core_internal)
  else()
    target_link_libraries(${target} PRIVATE wsuv_internal)
  endif()
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} Cmocka::Cmocka Threads::Threads)
  target_compile_definitions(${target} PRIVATE WSUV_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
endfunction()

function(wsuv_add_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "CORE" "LABEL;TIMEOUT" "SOURCES;ARGS;LIBRARIES")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(NOT arg_SOURCES)
    set(arg_SOURCES unit/test_${name}.c)
  endif()
  set(core "")
  if(arg_CORE)
    set(core CORE)
  endif()
  set(program test_${name})
  if(TARGET ${program}) # a module's unit test may have the name of an integration test
    set(program test_${arg_LABEL}_${name})
  endif()
  wsuv_add_test_program(${program} ${core} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES})
  if(WSUV_TEST_LAUNCHER)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 10")
  endif()
  add_test(NAME ${arg_LABEL}.${name} COMMAND ${WSUV_TEST_LAUNCHER} $<TARGET_FILE:${program}>
                                             ${arg_ARGS})
  set_tests_properties(${arg_LABEL}.${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT}
                                                       SKIP_RETURN_CODE 77)
  if(WSUV_TEST_LAUNCHER)
    set_property(TEST ${arg_LABEL}.${name} APPEND PROPERTY ENVIRONMENT WSUV_SLOW_RUN=1)
  endif()
endfunction()

function(wsuv_add_integration_test name)
  wsuv_add_unit_test(${name} LABEL integration SOURCES integration/test_${name}.c ${ARGN})
endfunction()

function(wsuv_add_test_peer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  add_executable(${name} ${arg_SOURCES})
  wsuv_target_defaults(${name} EXTENSIONS)
  target_link_libraries(${name} PRIVATE wsuv_internal)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${WSUV_BIN_DIR}")
endfunction()

function(wsuv_add_interop_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 180)
  endif()
  add_test(
    NAME interop.${name}
    COMMAND ${arg_COMMAND}
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set_tests_properties(
    interop.${name}
    PROPERTIES
      LABELS interop
      TIMEOUT ${arg_TIMEOUT}
      SKIP_RETURN_CODE 77
      ENVIRONMENT
      "PYTHONDONTWRITEBYTECODE=1;WSUV_BIN_DIR=${WSUV_BIN_DIR};WSUV_TESTEES=${WSUV_BIN_DIR};WSUV_INTEROP_DIR=${WSUV_INTEROP_DIR};WSUV_PYTHON=${WSUV_PYTHON};NODE_PATH=${WSUV_INTEROP_DIR}/node_modules"
  )
endfunction()
