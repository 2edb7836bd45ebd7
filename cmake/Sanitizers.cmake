# wsuv_target_sanitizers(target): instruments one target for WSUV_SANITIZE, WSUV_COVERAGE and WSUV_BUILD_FUZZERS.
#
# Everything that ends up in one program must be built alike, so every target of the project calls it.

if((WSUV_SANITIZE OR WSUV_COVERAGE) AND MSVC)
  message(FATAL_ERROR "WSUV_SANITIZE and WSUV_COVERAGE need gcc or clang.")
endif()
if(WSUV_BUILD_FUZZERS AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "WSUV_BUILD_FUZZERS needs clang (configure with CC=clang).")
endif()

function(wsuv_target_sanitizers target)
  if(WSUV_SANITIZE)
    set(flags -fsanitize=${WSUV_SANITIZE} -fno-omit-frame-pointer)
    if(WSUV_SANITIZE MATCHES "undefined")
      list(APPEND flags -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(${target} PRIVATE ${flags})
    target_link_options(${target} PRIVATE ${flags})
  endif()
  if(WSUV_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage -fno-inline)
    target_link_options(${target} PRIVATE --coverage)
  endif()
  if(WSUV_BUILD_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()
