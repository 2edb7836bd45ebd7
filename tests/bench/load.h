/* A load on a server, and what came of it. Whatever goes wrong ends the program. */
#ifndef WSUV_BENCH_LOAD_H
#define WSUV_BENCH_LOAD_H

#include <stdint.h>

#include "histogram.h"
#include "messages.h"
#include "target.h"

typedef enum load_mode {
  LOAD_ECHO,      /* so many messages in flight on each connection, always */
  LOAD_PACED,     /* so many messages a second, each at its time */
  LOAD_BROADCAST, /* one connection sends, all receive */
  LOAD_CHURN,     /* connections that are upgraded and closed at once */
  LOAD_IDLE       /* connections that do nothing */
} load_mode_t;

typedef struct load_options {
  target_t target;
  load_mode_t mode;
  uint64_t pid; /* the server's; 0: not known */
  uint64_t nconns;
  uint64_t namong; /* idle connections beside them */
  uint64_t in_flight;
  uint64_t payload;
  uint64_t nmessages;
  uint64_t warm_up; /* messages that are not measured */
  double seconds;   /* instead of nmessages, where it is not 0; then the warm-up is a tenth of it */
  uint64_t rate;    /* messages a second */
  message_kind_t kind;
  const char *file;
  uint64_t exchange; /* messages on each idle connection */
  uint64_t tls_version;
  int deflate;
  int raw;  /* no WebSocket: the server sends the same octets back */
  int http; /* idle connections are kept after an HTTP request */
} load_options_t;

#define LOAD_OPTIONS_INIT                                                                      \
  {                                                                                            \
    .target = {.host = "127.0.0.1", .path = "/"}, .nconns = 64, .in_flight = 1, .payload = 20, \
    .nmessages = 100000, .warm_up = 10000, .tls_version = 13                                   \
  }

/* Of echoes, deliveries or connections, whatever the mode counts. */
typedef struct load_result {
  uint64_t n;
  double seconds;
  double cpu_ns;   /* the server's, in all */
  double setup_ns; /* the server's for each connection that was opened before */
  double p50_us;
  double p99_us;
  double p999_us;
  double max_us;
  double late_us;      /* of paced messages: the 99th percentile of how late they were sent */
  double octets;       /* of resident memory for each idle connection */
  double held_ns;      /* the server's CPU time while idle connections were held */
  double nheld_frames; /* that it sent to them meanwhile */
} load_result_t;

/* What a run is measured by: begun after the warm-up. */
typedef struct load_meter {
  uint64_t start_ns;
  uint64_t deadline_ns; /* UINT64_MAX: none */
  uint64_t cpu_ns;
  histogram_t latency;
} load_meter_t;

void load_meter_begin(load_meter_t *meter, const load_options_t *options, double seconds);
void load_meter_end(const load_meter_t *meter, const load_options_t *options, uint64_t n,
                    load_result_t *result);

/* Resolves the target, connects, warms up and measures. */
void load_measure(load_options_t *options, load_result_t *result);

/* ---- the modes; load_measure chooses ---- */

void load_echo(const load_options_t *options, load_result_t *result);
void load_paced(const load_options_t *options, load_result_t *result);
void load_broadcast(const load_options_t *options, load_result_t *result);
void load_churn(const load_options_t *options, load_result_t *result);
void load_idle(const load_options_t *options, load_result_t *result);

#endif
