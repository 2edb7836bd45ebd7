# Libuv::Libuv, the shared or static libuv of the system: its config package, else pkg-config, else a search.
#
# Sets Libuv_FOUND, Libuv_VERSION and Libuv_PKGCONFIG (true when the system has a libuv.pc).

if(TARGET Libuv::Libuv)
  set(Libuv_FOUND TRUE)
  return()
endif()

find_package(libuv CONFIG QUIET)
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_Libuv QUIET libuv)
endif()
set(Libuv_PKGCONFIG "${PC_Libuv_FOUND}")

if(libuv_FOUND AND (TARGET libuv::uv OR TARGET libuv::uv_a))
  if(TARGET libuv::uv)
    set(_libuv_target libuv::uv)
  else()
    set(_libuv_target libuv::uv_a)
  endif()
  set(Libuv_VERSION "${libuv_VERSION}")
  set(Libuv_LIBRARY "${_libuv_target}")
  if(NOT Libuv_VERSION AND PC_Libuv_FOUND)
    set(Libuv_VERSION "${PC_Libuv_VERSION}")
  endif()
else()
  find_path(Libuv_INCLUDE_DIR NAMES uv.h HINTS ${PC_Libuv_INCLUDE_DIRS})
  find_library(Libuv_LIBRARY NAMES uv libuv HINTS ${PC_Libuv_LIBRARY_DIRS})
  mark_as_advanced(Libuv_INCLUDE_DIR Libuv_LIBRARY)
  if(Libuv_INCLUDE_DIR AND EXISTS "${Libuv_INCLUDE_DIR}/uv/version.h")
    file(STRINGS "${Libuv_INCLUDE_DIR}/uv/version.h" _libuv_lines
         REGEX "#define UV_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" _libuv_numbers "${_libuv_lines}")
    list(JOIN _libuv_numbers "." Libuv_VERSION)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Libuv
  REQUIRED_VARS Libuv_LIBRARY
  VERSION_VAR Libuv_VERSION
  REASON_FAILURE_MESSAGE "install the development package of libuv (Debian: libuv1-dev)")

if(Libuv_FOUND)
  add_library(Libuv::Libuv INTERFACE IMPORTED)
  set_target_properties(Libuv::Libuv PROPERTIES INTERFACE_LINK_LIBRARIES "${Libuv_LIBRARY}")
  if(NOT _libuv_target)
    set_target_properties(Libuv::Libuv PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
                                                  "${Libuv_INCLUDE_DIR}")
  endif()
endif()
