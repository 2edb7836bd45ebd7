/* Version of wsuv: semantic versioning of API, ABI and behaviour (limits and strictness are behaviour). */
#ifndef WSUV_VERSION_H
#define WSUV_VERSION_H

#include "wsuv/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSUV_VERSION_MAJOR 0
#define WSUV_VERSION_MINOR 1
#define WSUV_VERSION_PATCH 0

/* One number for comparisons: 0x00MMmmpp. */
#define WSUV_VERSION_HEX \
  ((WSUV_VERSION_MAJOR << 16) | (WSUV_VERSION_MINOR << 8) | WSUV_VERSION_PATCH)

/* WSUV_VERSION_HEX of the library that is linked, which may be newer than the header. Any thread. */
WSUV_EXTERN unsigned int wsuv_version(void);

/* The same as text, such as "0.1.0". Static storage. Any thread. */
WSUV_EXTERN const char *wsuv_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
