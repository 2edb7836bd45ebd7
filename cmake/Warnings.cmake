# wsuv_target_warnings(target): every warning worth having, as errors with WSUV_WERROR.

set(wsuv_gnu_like_warnings
    -Wall
    -Wextra
    -Wpedantic
    -Wcast-align
    -Wcast-qual
    -Wconversion
    -Wdouble-promotion
    -Wformat=2
    -Wimplicit-fallthrough
    -Wmissing-prototypes
    -Wnull-dereference
    -Wpointer-arith
    -Wshadow
    -Wsign-conversion
    -Wstrict-prototypes
    -Wundef
    -Wvla
    -Wwrite-strings)
set(wsuv_gnu_warnings -Wduplicated-branches -Wduplicated-cond -Wlogical-op)
# -Wstring-conversion of clang objects to assert(!"why this cannot be").
set(wsuv_clang_warnings -Wcomma -Wextra-semi -Wunreachable-code -Wno-string-conversion)

function(wsuv_target_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${WSUV_WERROR}>:/WX>)
    return()
  endif()
  target_compile_options(
    ${target}
    PRIVATE ${wsuv_gnu_like_warnings}
            $<$<C_COMPILER_ID:GNU>:${wsuv_gnu_warnings}>
            $<$<C_COMPILER_ID:Clang,AppleClang>:${wsuv_clang_warnings}>
            $<$<BOOL:${WSUV_WERROR}>:-Werror>)
endfunction()
