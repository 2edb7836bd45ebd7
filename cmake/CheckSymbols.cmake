# cmake -D NM=nm -D KIND=kind -D LIBRARY=file -P cmake/CheckSymbols.cmake: the names a library shows the linker.
#
#   KIND shared   it exports public functions only: wsuv_ and a letter
#   KIND static   its own global names all begin with wsuv_ (or llhttp_, the parser built into it)
#   KIND core     it needs nothing of libuv, opens and uses no descriptor, reads no clock, starts no thread
#                 (a shared or static libwsuv-core)

cmake_minimum_required(VERSION 3.22)

set(flags -g)
if(KIND STREQUAL "shared" OR LIBRARY MATCHES "\\.(so|dylib)")
  list(APPEND flags -D)
endif()
execute_process(COMMAND "${NM}" ${flags} "${LIBRARY}" OUTPUT_VARIABLE text RESULT_VARIABLE result
                ERROR_VARIABLE errors)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${NM} cannot read ${LIBRARY}: ${errors}")
endif()

# A line is "[value] type name".
set(defined "")
set(undefined "")
string(REPLACE ";" "." text "${text}")
string(REPLACE "\n" ";" lines "${text}")
foreach(line IN LISTS lines)
  if(line MATCHES "^[0-9a-f]* +([A-Za-z]) ([^@ ]+)")
    set(type "${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_2}")
    if(type STREQUAL "U")
      list(APPEND undefined "${name}")
    elseif(type MATCHES "[TDBRC]")
      list(APPEND defined "${name}")
    endif()
  endif()
endforeach()

# What a core without I/O and without time must not call; with the C library's variants of the same names.
set(of_libuv "uv_[a-z0-9_]+")
set(of_sockets
    "socket|socketpair|connect|bind|listen|accept4?|shutdown|getaddrinfo|gethostby[a-z_]+|send(to|m?msg)?|recv(from|m?msg)?")
set(of_descriptors
    "open(at)?(64)?|f?d?open(64)?|close|fclose|read|write|p?readv?(64)?|p?writev?(64)?|fread|fwrite|pipe2?|ioctl|fcntl(64)?")
set(of_waiting "p?poll|p?select|epoll_[a-z0-9_]+|kqueue|kevent|sleep|usleep|nanosleep|clock_nanosleep")
set(of_clocks "time|clock|clock_gettime|gettimeofday|timespec_get|ftime|mach_absolute_time|(local|gm)time(_r)?")
set(of_processes "pthread_(create|mutex_[a-z]+|cond_[a-z]+)|thrd_[a-z]+|fork|vfork|signal|sigaction")

get_filename_component(file "${LIBRARY}" NAME)
set(bad "")
if(KIND STREQUAL "shared")
  set(bad ${defined})
  list(FILTER bad EXCLUDE REGEX "^wsuv_[a-z]")
  set(complaint "exports")
elseif(KIND STREQUAL "static")
  set(bad ${defined})
  list(FILTER bad EXCLUDE REGEX "^(wsuv_|llhttp_|_)")
  set(complaint "defines the global name")
elseif(KIND STREQUAL "core")
  foreach(group IN ITEMS libuv sockets descriptors waiting clocks processes)
    set(found ${undefined})
    list(FILTER found INCLUDE REGEX "^_*(${of_${group}})$")
    list(APPEND bad ${found})
  endforeach()
  set(complaint "needs")
else()
  message(FATAL_ERROR "KIND is one of shared, static, core")
endif()

list(LENGTH defined ndefined)
if(ndefined EQUAL 0)
  message(FATAL_ERROR "${file} defines no symbol at all")
endif()
if(bad)
  list(REMOVE_DUPLICATES bad)
  foreach(name IN LISTS bad)
    message("${file} ${complaint} ${name}")
  endforeach()
  message(FATAL_ERROR "${file}: symbols that should not be there")
endif()
message(STATUS "${file}: ${ndefined} symbols, as they should be")
