# cmake -P cmake/CheckLayers.cmake: every #include of src/ and of the core's public headers obeys the layers.
#
# The table: what each layer may include, as a regular expression for the name inside <> or "", and the same in words.

cmake_minimum_required(VERSION 3.22)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)

set(c_library
    "(assert|ctype|errno|float|inttypes|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|time)\\.h"
)
set(intrinsics "(emmintrin|immintrin|arm_neon)\\.h")
set(system_headers "(unistd|fcntl|netdb|sys/[a-z]+|net/[a-z]+|netinet/[a-z]+|arpa/inet|winsock2|ws2tcpip)\\.h")

set(may_base "${c_library}|base/.*|wsuv/(errno|export|protocol|version)\\.h")
set(words_base "base may include the C library only")

set(may_proto
    "${c_library}|${intrinsics}|base/.*|proto/.*|wsuv/(errno|export|protocol|frame|frame_parser|message|heartbeat|extension|prepared|endpoint|endpoint_status|event|trace_frame|traffic)\\.h")
set(words_proto "proto may include base")

set(may_deflate "${c_library}|base/.*|deflate/.*|wsuv/(errno|export|protocol|extension|deflate)\\.h")
set(words_deflate "deflate may include base (zlib in codec.c only)")

set(may_http "${c_library}|base/.*|http/.*|llhttp\\.h|wsuv/(errno|export|protocol|extension|handshake)\\.h")
set(words_http "http may include base and llhttp (openssl in accept_key.c and sha1*.[ch] only)")

set(may_io
    "${c_library}|${system_headers}|base/.*|io/.*|uv\\.h|openssl/.*|wsuv/(errno|export|protocol|tls)\\.h")
set(words_io "io may include base, uv and openssl")

set(may_api ".*")
set(words_api "api may include everything")

# The exceptions of the table.
set(may_also_deflate_codec_c "|zlib\\.h|zlib-ng\\.h")
foreach(name IN ITEMS accept_key_c sha1_h sha1_constant_c sha1_fetched_c)
  set(may_also_http_${name} "|openssl/.*")
endforeach()

# The public headers of the core are for programs without libuv.
set(core_headers errno export version protocol frame frame_parser message heartbeat handshake extension deflate prepared endpoint endpoint_status event trace_frame traffic)
set(may_public_core "${c_library}|wsuv/(errno|export|version|protocol|frame|frame_parser|message|heartbeat|handshake|extension|deflate|prepared|endpoint|endpoint_status|event|trace_frame|traffic)\\.h")
set(words_public_core "the core's public headers may include each other and the C library")

set(nbroken 0)

# check_file(path, allowed, words): path is relative to the root.
function(check_file path allowed words)
  file(READ "${root}/${path}" text)
  string(REGEX REPLACE "[][\\;]" "." text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(number 0)
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    if(line MATCHES "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"]")
      set(included "${CMAKE_MATCH_1}")
      if(NOT included MATCHES "^(${allowed})$")
        message("${path}:${number} includes ${included}; ${words}")
        math(EXPR nbroken "${nbroken} + 1")
      endif()
    endif()
  endforeach()
  set(nbroken ${nbroken} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE sources RELATIVE "${root}" "${root}/src/*.c" "${root}/src/*.h")
list(SORT sources)
foreach(path IN LISTS sources)
  string(REGEX REPLACE "^src/([a-z]+)/.*" "\\1" layer "${path}")
  if(NOT DEFINED may_${layer})
    message("${path} is in no layer")
    math(EXPR nbroken "${nbroken} + 1")
    continue()
  endif()
  string(REGEX REPLACE "^src/(.*)" "\\1" exception "${path}")
  string(REGEX REPLACE "[^a-z0-9_]" "_" exception "${exception}")
  check_file("${path}" "${may_${layer}}${may_also_${exception}}" "${words_${layer}}")
endforeach()

foreach(name IN LISTS core_headers)
  if(EXISTS "${root}/include/wsuv/${name}.h")
    check_file("include/wsuv/${name}.h" "${may_public_core}" "${words_public_core}")
  endif()
endforeach()

list(LENGTH sources nsources)
if(nbroken GREATER 0)
  message(FATAL_ERROR "${nbroken} includes cross a layer")
endif()
message(STATUS "${nsources} files: every include obeys the layers")
