# The only find_package calls of the build.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL 1.1.1 REQUIRED COMPONENTS Crypto)
find_package(Libuv 1.43 REQUIRED)
find_package(Llhttp 6.0 REQUIRED)

if(WSUV_BUILD_TESTS OR WSUV_BUILD_FUZZERS)
  find_package(Cmocka 1.1 REQUIRED)
endif()
