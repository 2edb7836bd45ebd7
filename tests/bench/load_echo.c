/* The closed loop: each connection sends its messages in one write, waits for all of their echoes and starts again. The
 * latency is that of such a round trip. */
#include "flows.h"
#include "process.h"

#define PATIENCE_MS 10000
#define JSON_FRAMES 64 /* so many different ones at least, where what they say matters */

static struct {
  flows_t flows;
  size_t in_flight;
  uint64_t left; /* messages still to be started */
  uint64_t nstarted;
  size_t nbusy; /* connections with messages under way */
  load_meter_t meter;
} echo;

static void start_round(flow_t *flow, uint64_t now) {
  if (echo.left == 0 || now >= echo.meter.deadline_ns) {
    echo.nbusy--;
    return;
  }
  echo.left -= echo.left < echo.in_flight ? echo.left : echo.in_flight;
  echo.nstarted += echo.in_flight;
  flow->started = now;
  flows_allow(&echo.flows, flow, echo.in_flight);
}

static void on_echo(flow_t *flow) {
  if (flow->unechoed == 0) {
    uint64_t now = clock_ns();
    histogram_add(&echo.meter.latency, now - flow->started);
    start_round(flow, now);
  }
}

static void run_rounds(uint64_t nmessages) {
  echo.left = nmessages;
  echo.nstarted = 0;
  echo.nbusy = echo.flows.n;
  for (size_t i = 0; i < echo.flows.n; i++) {
    start_round(&echo.flows.list[i], clock_ns());
  }
  while (echo.nbusy > 0) {
    if (flows_turn(&echo.flows, PATIENCE_MS, on_echo) == 0) {
      fail("no echo within %d s", PATIENCE_MS / 1000);
    }
  }
}

/* Each connection does the same. */
static uint64_t whole_rounds(uint64_t nmessages, const load_options_t *options) {
  uint64_t all = options->in_flight * options->nconns;
  return (nmessages + all - 1) / all * all;
}

void load_echo(const load_options_t *options, load_result_t *result) {
  int is_timed = options->seconds > 0;
  int has_words = options->file == NULL && options->kind == KIND_JSON;
  size_t nrounds = has_words ? (JSON_FRAMES + options->in_flight - 1) / options->in_flight : 1;
  uint64_t cpu = process_cpu_ns((long)options->pid);
  echo.in_flight = (size_t)options->in_flight;
  flows_open(&echo.flows, options, nrounds * echo.in_flight);
  result->setup_ns = (double)(process_cpu_ns((long)options->pid) - cpu) /
                     (double)(options->nconns + options->namong);
  load_meter_begin(&echo.meter, options, options->seconds / 10);
  run_rounds(is_timed ? UINT64_MAX : whole_rounds(options->warm_up, options));
  load_meter_begin(&echo.meter, options, options->seconds);
  run_rounds(is_timed ? UINT64_MAX : whole_rounds(options->nmessages, options));
  load_meter_end(&echo.meter, options, echo.nstarted, result);
}
