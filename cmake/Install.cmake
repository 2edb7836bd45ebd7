# What `cmake --install` puts where: headers, two libraries, a CMake package and two pkg-config files.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/wsuv")

install(
  TARGETS wsuv wsuv_core
  EXPORT wsuvTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING
  PATTERN "*.h")
install(EXPORT wsuvTargets NAMESPACE wsuv:: DESTINATION "${package_dir}")

# A static library brings its private dependencies to the consumer's link, a shared one does not.
set(wsuv_find_private FALSE)
set(wsuv_find_llhttp FALSE)
set(wsuv_find_zlib "")
if(NOT BUILD_SHARED_LIBS)
  if(WSUV_WITH_DEFLATE)
    set(wsuv_find_zlib ZLIB)
    if(WSUV_ZLIB STREQUAL "zlib-ng")
      set(wsuv_find_zlib ZlibNg)
    endif()
  endif()
  set(wsuv_find_private TRUE)
  set(wsuv_openssl "Crypto")
  if(WSUV_WITH_TLS)
    set(wsuv_openssl "SSL Crypto")
  endif()
  if(NOT Llhttp_BUNDLED)
    set(wsuv_find_llhttp TRUE)
  endif()
endif()
configure_package_config_file(cmake/wsuvConfig.cmake.in "${PROJECT_BINARY_DIR}/wsuvConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}")

# Before 1.0 a minor version may break; afterwards only a major one.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/wsuvConfigVersion.cmake" VERSION ${PROJECT_VERSION}
  COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/wsuvConfig.cmake"
        "${PROJECT_BINARY_DIR}/wsuvConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindLibuv.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindLlhttp.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindZlibNg.cmake"
  DESTINATION "${package_dir}")

# pkg-config: a static archive is of no use without its private libraries, so they are public then.
set(pc_requires_libuv "libuv")
set(pc_libs_llhttp "")
if(NOT Llhttp_BUNDLED)
  set(pc_libs_llhttp "-lllhttp")
endif()
set(pc_private "libcrypto")
if(WSUV_WITH_DEFLATE)
  string(APPEND pc_private " ${WSUV_ZLIB}")
endif()
if(BUILD_SHARED_LIBS)
  set(pc_requires "")
  set(pc_requires_private "${pc_private}")
  set(pc_libs "")
  set(pc_libs_private "${pc_libs_llhttp}")
else()
  set(pc_requires "${pc_private}")
  set(pc_requires_private "")
  set(pc_libs "${pc_libs_llhttp} ${CMAKE_THREAD_LIBS_INIT}")
  set(pc_libs_private "")
endif()
set(pc_requires_ssl "")
set(pc_requires_private_ssl "")
if(WSUV_WITH_TLS AND BUILD_SHARED_LIBS)
  set(pc_requires_private_ssl "libssl")
elseif(WSUV_WITH_TLS)
  set(pc_requires_ssl "libssl")
endif()

# `cmake --install --prefix` and whoever moves a tree choose the prefix when these files are written already: they name it by
# where they are.
set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
set(pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  endif()
endif()
foreach(name IN ITEMS wsuv wsuv-core)
  configure_file(cmake/${name}.pc.in "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
