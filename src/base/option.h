/* Numbers in options: 0 is the default, WSUV_OFF is none, other negative numbers are refused. */
#ifndef WSUV_BASE_OPTION_H
#define WSUV_BASE_OPTION_H

#include <stdint.h>

#include "wsuv/errno.h"
#include "wsuv/protocol.h"

/* 0 and *out (`preset`, `off` or the value itself), or WSUV_EINVAL. */
static inline int wsuv__option_take(uint64_t *out, int64_t value, uint64_t preset, uint64_t off) {
  if (value < 0 && value != WSUV_OFF)
    return WSUV_EINVAL;
  *out = value == 0 ? preset : value == WSUV_OFF ? off : (uint64_t)value;
  return 0;
}

#endif
