# ZlibNg::ZlibNg, zlib-ng by its own names (zlib-ng.h, zng_deflate): where pkg-config says, else a search.
#
# Sets ZlibNg_FOUND and ZlibNg_VERSION.

if(TARGET ZlibNg::ZlibNg)
  set(ZlibNg_FOUND TRUE)
  return()
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_ZlibNg QUIET zlib-ng)
endif()
find_path(ZlibNg_INCLUDE_DIR NAMES zlib-ng.h HINTS ${PC_ZlibNg_INCLUDE_DIRS})
find_library(ZlibNg_LIBRARY NAMES z-ng zlib-ng HINTS ${PC_ZlibNg_LIBRARY_DIRS})
mark_as_advanced(ZlibNg_INCLUDE_DIR ZlibNg_LIBRARY)
if(ZlibNg_INCLUDE_DIR)
  file(STRINGS "${ZlibNg_INCLUDE_DIR}/zlib-ng.h" _zlibng_line REGEX "#define ZLIBNG_VERSION \"")
  string(REGEX REPLACE "[^0-9.]*([0-9.]+).*" "\\1" ZlibNg_VERSION "${_zlibng_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  ZlibNg
  REQUIRED_VARS ZlibNg_LIBRARY ZlibNg_INCLUDE_DIR
  VERSION_VAR ZlibNg_VERSION
  REASON_FAILURE_MESSAGE "install zlib-ng (Debian: libz-ng-dev), or choose WSUV_ZLIB=zlib")

if(ZlibNg_FOUND)
  add_library(ZlibNg::ZlibNg UNKNOWN IMPORTED)
  set_target_properties(
    ZlibNg::ZlibNg PROPERTIES IMPORTED_LOCATION "${ZlibNg_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                    "${ZlibNg_INCLUDE_DIR}")
endif()
