# Llhttp::Llhttp, the HTTP parser: a config package, else pkg-config, else the C sources that Debian's node-llhttp
# ships, built privately.
#
# Sets Llhttp_FOUND, Llhttp_VERSION and Llhttp_BUNDLED. When Llhttp_BUNDLED is true, Llhttp::Llhttp carries only the
# header's directory, and whoever links it must add $<TARGET_OBJECTS:llhttp_objects>: the parser then is a part of
# that library, its symbols hidden, and nothing has to be installed beside it.

if(TARGET Llhttp::Llhttp)
  set(Llhttp_FOUND TRUE)
  return()
endif()

set(Llhttp_BUNDLED FALSE)
find_package(llhttp CONFIG QUIET)
find_package(PkgConfig QUIET)
if(NOT llhttp_FOUND AND PkgConfig_FOUND)
  pkg_check_modules(PC_Llhttp QUIET IMPORTED_TARGET libllhttp)
endif()

if(TARGET llhttp::llhttp_shared)
  set(Llhttp_LIBRARY llhttp::llhttp_shared)
elseif(TARGET llhttp::llhttp_static)
  set(Llhttp_LIBRARY llhttp::llhttp_static)
elseif(TARGET llhttp::llhttp)
  set(Llhttp_LIBRARY llhttp::llhttp)
elseif(TARGET PkgConfig::PC_Llhttp)
  set(Llhttp_LIBRARY PkgConfig::PC_Llhttp)
  set(Llhttp_VERSION "${PC_Llhttp_VERSION}")
else()
  find_path(Llhttp_SOURCE_DIR NAMES llhttp.c PATHS /usr/share/llhttp /usr/local/share/llhttp)
  find_path(Llhttp_INCLUDE_DIR NAMES llhttp.h PATH_SUFFIXES llhttp
            PATHS /usr/include /usr/share/include /usr/local/share/include)
  mark_as_advanced(Llhttp_SOURCE_DIR Llhttp_INCLUDE_DIR)
  if(Llhttp_SOURCE_DIR AND Llhttp_INCLUDE_DIR)
    set(Llhttp_BUNDLED TRUE)
    set(Llhttp_LIBRARY "${Llhttp_SOURCE_DIR}/llhttp.c")
    file(STRINGS "${Llhttp_INCLUDE_DIR}/llhttp.h" _llhttp_lines
         REGEX "#define LLHTTP_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" _llhttp_numbers "${_llhttp_lines}")
    list(JOIN _llhttp_numbers "." Llhttp_VERSION)
  endif()
endif()
if(llhttp_FOUND AND NOT Llhttp_VERSION)
  set(Llhttp_VERSION "${llhttp_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Llhttp
  REQUIRED_VARS Llhttp_LIBRARY
  VERSION_VAR Llhttp_VERSION
  REASON_FAILURE_MESSAGE "install llhttp (Debian 12: node-llhttp, later: libllhttp-dev)")

if(Llhttp_FOUND AND Llhttp_BUNDLED)
  add_library(llhttp_objects OBJECT "${Llhttp_SOURCE_DIR}/llhttp.c" "${Llhttp_SOURCE_DIR}/api.c"
                                    "${Llhttp_SOURCE_DIR}/http.c")
  target_include_directories(llhttp_objects SYSTEM PRIVATE "${Llhttp_INCLUDE_DIR}")
  target_compile_definitions(llhttp_objects PRIVATE LLHTTP_STRICT_MODE=1)
  set_target_properties(llhttp_objects PROPERTIES C_STANDARD 11 C_VISIBILITY_PRESET hidden)
  if(MSVC)
    target_compile_options(llhttp_objects PRIVATE /w)
  else()
    target_compile_options(llhttp_objects PRIVATE -w)
  endif()
  add_library(Llhttp::Llhttp INTERFACE IMPORTED)
  set_target_properties(
    Llhttp::Llhttp PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Llhttp_INCLUDE_DIR}"
                              INTERFACE_COMPILE_DEFINITIONS LLHTTP_STRICT_MODE=1)
elseif(Llhttp_FOUND)
  add_library(Llhttp::Llhttp INTERFACE IMPORTED)
  set_target_properties(Llhttp::Llhttp PROPERTIES INTERFACE_LINK_LIBRARIES "${Llhttp_LIBRARY}")
endif()
