# The checks that read the tree, as tests with the label "checks".

function(wsuv_add_check name)
  add_test(NAME checks.${name} COMMAND ${CMAKE_COMMAND} ${ARGN})
  set_tests_properties(checks.${name} PROPERTIES LABELS checks TIMEOUT 120 SKIP_REGULAR_EXPRESSION
                                                                           "skipped: ")
endfunction()

set(script_dir "${PROJECT_SOURCE_DIR}/cmake")
wsuv_add_check(layers -P "${script_dir}/CheckLayers.cmake")
wsuv_add_check(banned -P "${script_dir}/CheckBanned.cmake")
wsuv_add_check(readme -P "${script_dir}/CheckReadme.cmake")
wsuv_add_check(registered -P "${script_dir}/CheckRegistered.cmake")

if(WSUV_PYTHON)
  add_test(NAME checks.limits COMMAND "${WSUV_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/check_limits.py"
                                      "${PROJECT_SOURCE_DIR}")
  set_tests_properties(checks.limits PROPERTIES LABELS checks TIMEOUT 60)
endif()

find_program(WSUV_SH sh)
if(WSUV_SH)
  add_test(NAME checks.trace COMMAND "${WSUV_SH}" "${PROJECT_SOURCE_DIR}/tests/trace.sh")
  set_tests_properties(checks.trace PROPERTIES LABELS checks TIMEOUT 60)
endif()

get_target_property(uv_includes Libuv::Libuv INTERFACE_INCLUDE_DIRECTORIES)
if(NOT uv_includes)
  set(uv_includes "")
endif()
foreach(language IN ITEMS C CXX)
  wsuv_add_check(
    headers_${language} -D LANGUAGE=${language} -D "COMPILER=${CMAKE_C_COMPILER}" -D
    "INCLUDES=${uv_includes}" -D "WORK=${PROJECT_BINARY_DIR}/check_headers" -P
    "${script_dir}/CheckHeaders.cmake")
endforeach()

# check_symbols(name kind target)
function(wsuv_add_symbols_check name kind target)
  wsuv_add_check(symbols_${name} -D "NM=${CMAKE_NM}" -D KIND=${kind} -D
                 "LIBRARY=$<TARGET_FILE:${target}>" -P "${script_dir}/CheckSymbols.cmake")
endfunction()

wsuv_add_symbols_check(core_without_libuv core wsuv_core)

# That it would be noticed: the library with libuv, judged as if it were the core.
wsuv_add_symbols_check(core_rules_bite core wsuv)
set_tests_properties(checks.symbols_core_rules_bite PROPERTIES PASS_REGULAR_EXPRESSION
                                                               "libwsuv[^ ]* needs uv_")
if(BUILD_SHARED_LIBS AND NOT WSUV_SANITIZE)
  wsuv_add_symbols_check(wsuv shared wsuv)
  wsuv_add_symbols_check(wsuv_core shared wsuv_core)
elseif(NOT BUILD_SHARED_LIBS)
  wsuv_add_symbols_check(wsuv static wsuv)
  wsuv_add_symbols_check(wsuv_core static wsuv_core)
endif()
