# The only find_package calls of the build.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# libcrypto makes the handshake's key; wsuv_ssl is what TLS links besides, empty without it.
set(wsuv_ssl "")
if(WSUV_WITH_TLS)
  find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL Crypto)
  set(wsuv_ssl OpenSSL::SSL)
else()
  find_package(OpenSSL 1.1.1 REQUIRED COMPONENTS Crypto)
endif()
find_package(Libuv 1.43 REQUIRED)
find_package(Llhttp 6.0 REQUIRED)

# wsuv_zlib: what libraries that compress link; empty without permessage-deflate.
set(wsuv_zlib "")
if(WSUV_WITH_DEFLATE)
  if(WSUV_ZLIB STREQUAL "zlib")
    find_package(ZLIB 1.2.11 REQUIRED)
    set(wsuv_zlib ZLIB::ZLIB)
  elseif(WSUV_ZLIB STREQUAL "zlib-ng")
    find_package(ZlibNg 2.0 REQUIRED)
    set(wsuv_zlib ZlibNg::ZlibNg)
  else()
    message(FATAL_ERROR "WSUV_ZLIB is \"zlib\" or \"zlib-ng\", not \"${WSUV_ZLIB}\"")
  endif()
endif()

if(WSUV_BUILD_TESTS OR WSUV_BUILD_FUZZERS)
  find_package(Cmocka 1.1 REQUIRED)
endif()
