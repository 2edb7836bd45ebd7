# Cmocka::Cmocka, the unit test library: pkg-config for the hints, then a search.

if(TARGET Cmocka::Cmocka)
  set(Cmocka_FOUND TRUE)
  return()
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_Cmocka QUIET cmocka)
endif()
find_path(Cmocka_INCLUDE_DIR NAMES cmocka.h HINTS ${PC_Cmocka_INCLUDE_DIRS})
find_library(Cmocka_LIBRARY NAMES cmocka HINTS ${PC_Cmocka_LIBRARY_DIRS})
mark_as_advanced(Cmocka_INCLUDE_DIR Cmocka_LIBRARY)
set(Cmocka_VERSION "${PC_Cmocka_VERSION}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Cmocka
  REQUIRED_VARS Cmocka_LIBRARY Cmocka_INCLUDE_DIR
  VERSION_VAR Cmocka_VERSION
  REASON_FAILURE_MESSAGE "install cmocka (Debian: libcmocka-dev) or configure with WSUV_BUILD_TESTS=OFF")

if(Cmocka_FOUND)
  add_library(Cmocka::Cmocka UNKNOWN IMPORTED)
  set_target_properties(
    Cmocka::Cmocka PROPERTIES IMPORTED_LOCATION "${Cmocka_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                    "${Cmocka_INCLUDE_DIR}")
endif()
