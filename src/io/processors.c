#include "io/processors.h"

#include <limits.h>
#include <uv.h>

#if UV_VERSION_HEX >= 0x012C00

static unsigned count(void) {
  return uv_available_parallelism();
}

#else

static unsigned count(void) {
  uv_cpu_info_t *infos;
  int n = 0;

  if (uv_cpu_info(&infos, &n) == 0)
    uv_free_cpu_info(infos, n);
  return n > 0 ? (unsigned)n : 0;
}

#endif

int wsuv__processors_count(void) {
  unsigned n = count();

  return n == 0 ? 1 : n > INT_MAX ? INT_MAX : (int)n;
}
