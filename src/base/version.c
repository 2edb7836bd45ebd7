#include "wsuv/version.h"

#define TEXT_OF(x) #x
#define AS_TEXT(x) TEXT_OF(x)
#define VERSION_TEXT \
  AS_TEXT(WSUV_VERSION_MAJOR) "." AS_TEXT(WSUV_VERSION_MINOR) "." AS_TEXT(WSUV_VERSION_PATCH)

unsigned int wsuv_version(void) {
  return WSUV_VERSION_HEX;
}

const char *wsuv_version_string(void) {
  return VERSION_TEXT;
}
