/* Numbers as OpenMetrics 1.0 text (application/openmetrics-text; version=1.0.0; charset=utf-8), which Prometheus reads.
 *
 *   wsuv_metrics_write_loop(loop, out, sizeof out, &len);           all of one loop
 *
 * or of several servers and loops, from structs that their threads filled in: all samples of a metric have to stand together,
 * so that texts cannot be put one behind the other.
 *
 * Metrics of each server (also of clients, or of a sum), all with the label `server` where it has a name:
 *
 *   wsuv_connections_accepted_total   wsuv_connections_opened_total     wsuv_connections_rejected_total{reason}
 *   wsuv_connections                  wsuv_connections_open             wsuv_connections_closed_total{code}
 *   wsuv_closes_sent_total{code}      wsuv_messages_total{direction,type}
 *   wsuv_message_bytes_total{direction,type}                            wsuv_control_frames_total{direction,type}
 *   wsuv_wire_bytes_total{direction}  wsuv_transformed_bytes_total{direction,form}
 *   wsuv_messages_dropped_total{reason}                                 wsuv_queued_bytes
 *   wsuv_tls_handshakes_total{result} wsuv_rtt_seconds{stat}
 *
 * of each loop, with the label `loop`: wsuv_loop_lag_seconds{stat}, wsuv_loop_memory_bytes{class}.
 */
#ifndef WSUV_METRICS_H
#define WSUV_METRICS_H

#include "wsuv/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSUV_METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Names are UTF-8, and told apart by the caller; NULL: without the label, for one alone. */
typedef struct wsuv_metrics_server {
  const char *name;
  const wsuv_server_stats_t *stats;
} wsuv_metrics_server_t;

typedef struct wsuv_metrics_loop {
  const char *name;
  const wsuv_loop_stats_t
      *stats; /* of which lags and memory are written: its sums repeat those of servers */
} wsuv_metrics_loop_t;

typedef struct wsuv_metrics_label {
  const char *name;  /* [a-zA-Z_][a-zA-Z0-9_]* */
  const char *value; /* UTF-8 */
} wsuv_metrics_label_t;

typedef struct wsuv_metrics {
  size_t size; /* sizeof(wsuv_metrics_t) */
  const wsuv_metrics_server_t *servers;
  size_t nservers;
  const wsuv_metrics_loop_t *loops;
  size_t nloops;
  const wsuv_metrics_label_t *labels; /* on every sample, first */
  size_t nlabels;
  int no_eof; /* non-zero: without the last line, "# EOF", for other metrics to follow */
} wsuv_metrics_t;

#define WSUV_METRICS_INIT \
  { sizeof(wsuv_metrics_t), NULL, 0, NULL, 0, NULL, 0, 0 }

/* Writes the text into `out` of `size` octets, NUL-terminated. 0, and *len octets without the NUL; WSUV_ENOBUFS: *len + 1 are
 * needed, and `out` (NULL with a size of 0 to ask) is not to be used; WSUV_EINVAL: a label's name, text that is not UTF-8,
 * NULLs. Allocates nothing. Any thread. */
WSUV_EXTERN int wsuv_metrics_write(const wsuv_metrics_t *metrics, char *out, size_t size,
                                   size_t *len);

/* The same of all of the loop: its total as one server without a name. The loop's thread; lag_max_ms begins anew when 0 is
 * returned. */
WSUV_EXTERN int wsuv_metrics_write_loop(wsuv_loop_t *loop, char *out, size_t size, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
