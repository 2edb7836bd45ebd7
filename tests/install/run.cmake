# cmake -D WORK=dir -D SHARED=ON|OFF -D COMPILER=cc -D NM=nm -D GENERATOR=g -P tests/install/run.cmake
#
# Builds the library, installs it under a scratch prefix that it was not configured for and builds two programs against it:
# by find_package and by pkg-config. Of a shared library the exported symbols are checked, too.

cmake_minimum_required(VERSION 3.22)
get_filename_component(here "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)
get_filename_component(root "${here}/../.." ABSOLUTE)
set(prefix "${WORK}/prefix")
file(REMOVE_RECURSE "${prefix}" "${WORK}/consumer")

# run(what COMMAND ...): stops with the output when the command fails; else the output is in `output`.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text
                  WORKING_DIRECTORY "${WORK}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${text}")
  endif()
  message(STATUS "${what}: ok")
  set(output "${text}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY "${WORK}")
set(ENV{CFLAGS} "")
set(common -G "${GENERATOR}" "-DCMAKE_C_COMPILER=${COMPILER}" -DCMAKE_BUILD_TYPE=Release)

run("configure" "${CMAKE_COMMAND}" -S "${root}" -B "${WORK}/build" ${common}
    -DBUILD_SHARED_LIBS=${SHARED} -DWSUV_BUILD_TESTS=OFF -DWSUV_BUILD_SAMPLES=OFF)
run("build" "${CMAKE_COMMAND}" --build "${WORK}/build" -j2)
run("install" "${CMAKE_COMMAND}" --install "${WORK}/build" --prefix "${prefix}")

run("find_package" "${CMAKE_COMMAND}" -S "${here}" -B "${WORK}/consumer" ${common}
    "-DCMAKE_PREFIX_PATH=${prefix}")
run("build with find_package" "${CMAKE_COMMAND}" --build "${WORK}/consumer")
foreach(program IN ITEMS consumer core_consumer)
  run("run ${program}" "${WORK}/consumer/${program}")
  message(STATUS "${output}")
endforeach()
run("run the sample" "${WORK}/consumer/echo_server" --help)

file(GLOB pc_files "${prefix}/*/pkgconfig/wsuv.pc" "${prefix}/*/*/pkgconfig/wsuv.pc")
list(LENGTH pc_files npc_files)
if(NOT npc_files EQUAL 1)
  message(FATAL_ERROR "wsuv.pc is not where pkg-config looks")
endif()
get_filename_component(pc_dir "${pc_files}" DIRECTORY)
get_filename_component(lib_dir "${pc_dir}" DIRECTORY)
find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(PKG_CONFIG)
  set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
  foreach(pair IN ITEMS "consumer|wsuv" "core_consumer|wsuv-core")
    string(REPLACE "|" ";" pair "${pair}")
    list(GET pair 0 program)
    list(GET pair 1 package)
    run("pkg-config ${package}" "${PKG_CONFIG}" --cflags --libs "${package}")
    separate_arguments(flags UNIX_COMMAND "${output}")
    run("build with pkg-config ${package}" "${COMPILER}" -std=gnu11 -o "${WORK}/pc_${program}"
        "${here}/${program}.c" ${flags} "-Wl,-rpath,${lib_dir}")
    run("run pc_${program}" "${WORK}/pc_${program}")
  endforeach()
  run("pkg-config wsuv" "${PKG_CONFIG}" --cflags --libs wsuv)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run("build the sample with pkg-config" "${COMPILER}" -std=gnu11 -o "${WORK}/pc_echo_server"
      "${root}/samples/01_echo_server.c" "${root}/samples/cli.c" "${root}/samples/serve.c"
      "${root}/samples/signals.c" ${flags} "-Wl,-rpath,${lib_dir}")
  run("run pc_echo_server" "${WORK}/pc_echo_server" --help)
endif()

if(SHARED)
  file(GLOB libraries "${lib_dir}/libwsuv*.so")
  foreach(library IN LISTS libraries)
    run("exported symbols" "${CMAKE_COMMAND}" -D "NM=${NM}" -D KIND=shared -D "LIBRARY=${library}" -P
        "${root}/cmake/CheckSymbols.cmake")
  endforeach()
  run("libuv in the core" "${CMAKE_COMMAND}" -D "NM=${NM}" -D KIND=core -D
      "LIBRARY=${lib_dir}/libwsuv-core.so" -P "${root}/cmake/CheckSymbols.cmake")
endif()
