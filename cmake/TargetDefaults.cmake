# wsuv_target_defaults(target [EXTENSIONS]): the language level, warnings and instrumentation of every target here.
#
# EXTENSIONS is for code that includes uv.h, whose types need POSIX names.

if(WSUV_LTO)
  include(CheckIPOSupported)
  check_ipo_supported(LANGUAGES C)
endif()

function(wsuv_target_defaults target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXTENSIONS" "" "")
  set_target_properties(
    ${target}
    PROPERTIES C_STANDARD 11
               C_STANDARD_REQUIRED ON
               C_EXTENSIONS ${arg_EXTENSIONS}
               C_VISIBILITY_PRESET hidden)
  if(WSUV_LTO)
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
  endif()
  wsuv_target_warnings(${target})
  wsuv_target_sanitizers(${target})
endfunction()
