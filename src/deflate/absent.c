/* wsuv/deflate.h in a build without zlib (WSUV_WITH_DEFLATE=OFF). */
#include "wsuv/deflate.h"

int wsuv_deflate_new(wsuv_deflate_t **out, const wsuv_deflate_options_t *options) {
  (void)options;
  *out = NULL;
  return WSUV_ENODEFLATE;
}

void wsuv_deflate_free(wsuv_deflate_t *deflate) {
  (void)deflate;
}

/* Nobody has a wsuv_deflate_t here. */
const wsuv_extension_t *wsuv_deflate_extension(const wsuv_deflate_t *deflate) {
  (void)deflate;
  return NULL;
}

const char *wsuv_deflate_fault(const wsuv_deflate_options_t *options) {
  (void)options;
  return NULL;
}

size_t wsuv_deflate_memory(const wsuv_deflate_t *deflate) {
  (void)deflate;
  return 0;
}

int wsuv_deflate_params(const wsuv_negotiated_t *negotiated, wsuv_deflate_params_t *params) {
  (void)negotiated;
  (void)params;
  return WSUV_EINVAL;
}

int wsuv_deflate_stats(const wsuv_negotiated_t *negotiated, wsuv_deflate_stats_t *stats) {
  (void)negotiated;
  (void)stats;
  return WSUV_EINVAL;
}

size_t wsuv_deflate_contexts(const wsuv_negotiated_t *negotiated) {
  (void)negotiated;
  return 0;
}
