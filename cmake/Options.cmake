# Every option of the build, on one page.

option(BUILD_SHARED_LIBS "Build libwsuv and libwsuv-core as shared libraries" OFF)

option(WSUV_INSTALL "Generate the install target" ${PROJECT_IS_TOP_LEVEL})
option(WSUV_LTO "Interprocedural optimisation in Release builds" OFF)

option(WSUV_VECTOR_INSTRUCTIONS "AVX2, SSSE3 or NEON for masking and UTF-8 where the processor has them" ON)
option(WSUV_WITH_TLS "wss:// (needs OpenSSL 3)" ON)
option(WSUV_WITH_DEFLATE "permessage-deflate (needs zlib or zlib-ng)" ON)
set(WSUV_ZLIB
    "zlib"
    CACHE STRING
          "Library for permessage-deflate: \"zlib\" (or what takes its place, as zlib-ng built with ZLIB_COMPAT does), or \"zlib-ng\" by its own names")
set_property(CACHE WSUV_ZLIB PROPERTY STRINGS "zlib" "zlib-ng")

option(WSUV_BUILD_TESTS "Build the tests (needs cmocka)" ${PROJECT_IS_TOP_LEVEL})
option(WSUV_BUILD_SAMPLES "Build the sample programs" ${PROJECT_IS_TOP_LEVEL})
option(WSUV_BUILD_BENCH "Build the benchmarks" OFF)
option(WSUV_BUILD_FUZZERS "Build the fuzz targets with libFuzzer (needs clang)" OFF)

option(WSUV_WERROR "Treat compiler warnings as errors" ${PROJECT_IS_TOP_LEVEL})
option(WSUV_COVERAGE "Instrument for gcov or llvm-cov" OFF)
set(WSUV_SANITIZE
    ""
    CACHE STRING "Sanitizers to build with: \"address,undefined\", \"thread\" or empty")
set_property(CACHE WSUV_SANITIZE PROPERTY STRINGS "" "address,undefined" "thread")
set(WSUV_TEST_LAUNCHER
    ""
    CACHE STRING "Command and arguments that run a test program, such as valgrind;--quiet")
