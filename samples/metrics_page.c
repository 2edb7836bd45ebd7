#include "metrics_page.h"

#include <stdlib.h>
#include <string.h>

/* NULL: no memory. */
static char *write_text(const wsuv_metrics_t *metrics, size_t *len) {
  wsuv_metrics_write(metrics, NULL, 0, len); /* how long it is */
  char *text = (char *)malloc(*len + 1);
  if (text != NULL)
    wsuv_metrics_write(metrics, text, *len + 1, len);
  return text;
}

void metrics_page_answer(const wsuv_loop_stats_t *stats, wsuv_upgrade_t *request) {
  const char *method = wsuv_upgrade_method(request);
  const wsuv_header_t allow = {.name = "Allow", .value = "GET, HEAD"};
  const wsuv_header_t type = {.name = "Content-Type", .value = WSUV_METRICS_CONTENT_TYPE};
  const wsuv_metrics_server_t server = {.stats = &stats->total};
  const wsuv_metrics_loop_t loop = {.stats = stats};
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
    wsuv_upgrade_reject(request, 405, &allow, 1, NULL, 0);
    return;
  }
  metrics.servers = &server;
  metrics.nservers = 1;
  metrics.loops = &loop;
  metrics.nloops = 1;
  size_t len = 0;
  char *text = write_text(&metrics, &len);
  int err = text != NULL ? wsuv_upgrade_respond(request, 200, &type, 1, text, len) : WSUV_ENOMEM;
  if (err == WSUV_ENOMEM)
    wsuv_upgrade_reject(request, 500, NULL, 0, NULL, 0);
  free(text);
}
