/* The open loop: message number k is due at start + k / rate, whatever became of those before it, and its latency counts from
 * then. A server that stalls is asked no less meanwhile, and what waits because of it is seen to wait: no coordinated omission.
 * The same holds for a generator that is late; how late is measured, too. */
#include "flows.h"
#include "process.h"

#define SECOND_NS   1000000000U
#define NFRAMES     16
#define PATIENCE_NS (10 * (uint64_t)SECOND_NS)
#define SPIN_NS     2000000 /* closer than this to the next message nothing is slept */

static struct {
  flows_t flows;
  uint64_t rate;
  uint64_t start;
  uint64_t first; /* number of the phase's first message */
  uint64_t nsent; /* all ever */
  uint64_t nechoed;
  uint64_t progressed;
  load_meter_t meter;
  histogram_t lateness;
} paced;

static uint64_t due_ns(uint64_t number) {
  uint64_t k = number - paced.first;
  return paced.start + k / paced.rate * SECOND_NS + k % paced.rate * SECOND_NS / paced.rate;
}

/* Where the echo of the next message of this connection ends. */
static size_t next_echo_len(const flow_t *flow) {
  const batch_t *batch = &paced.flows.batch;
  size_t i = (size_t)(flow->nechoed % batch->n);
  return batch->echo_ends[i] - (i > 0 ? batch->echo_ends[i - 1] : 0);
}

/* Octets of echoes still to come for the messages that this connection has sent but this one. */
static size_t unechoed_behind(const flow_t *flow) {
  const batch_t *batch = &paced.flows.batch;
  size_t first = (size_t)(flow->nechoed % batch->n);
  size_t n = (size_t)(flow->nallowed - flow->nechoed);
  return batch_octets(batch->echo_ends, batch->n, first + n) -
         batch_octets(batch->echo_ends, batch->n, first) - next_echo_len(flow);
}

static void on_echo(flow_t *flow) {
  uint64_t now = clock_ns();
  size_t index = (size_t)(flow - paced.flows.list);
  while (flow->nechoed < flow->nallowed && flow->unechoed <= unechoed_behind(flow)) {
    uint64_t number = flow->nechoed++ * paced.flows.n + index;
    histogram_add(&paced.meter.latency, now - due_ns(number));
    paced.nechoed++;
    paced.progressed = now;
  }
}

static void send_due(uint64_t total, uint64_t now) {
  for (; paced.nsent < total && due_ns(paced.nsent) <= now; paced.nsent++) {
    flow_t *flow = &paced.flows.list[paced.nsent % paced.flows.n];
    histogram_add(&paced.lateness, now - due_ns(paced.nsent));
    flows_allow(&paced.flows, flow, 1);
  }
}

static int timeout_ms(uint64_t total, uint64_t now) {
  if (paced.nsent == total) {
    return 100;
  }
  uint64_t due = due_ns(paced.nsent);
  return due > now + SPIN_NS ? (int)((due - now - SPIN_NS / 2) / 1000000) : 0;
}

/* A phase begins on the first connection again: that many messages are sent. */
static void run_phase(uint64_t nmessages) {
  uint64_t total = paced.nsent + nmessages;
  paced.first = paced.nsent;
  paced.start = paced.progressed = clock_ns();
  histogram_clear(&paced.lateness);
  while (paced.nechoed < total) {
    uint64_t now = clock_ns();
    send_due(total, now);
    (void)flows_turn(&paced.flows, timeout_ms(total, now), on_echo);
    if (paced.nechoed < paced.nsent && now > paced.progressed + PATIENCE_NS &&
        now > due_ns(paced.nsent - 1) + PATIENCE_NS) {
      fail("no echo within %u s", (unsigned int)(PATIENCE_NS / SECOND_NS));
    }
  }
}

void load_paced(const load_options_t *options, load_result_t *result) {
  uint64_t n = options->nmessages;
  uint64_t warm_up = options->warm_up;
  if (options->seconds > 0) {
    n = (uint64_t)(options->seconds * (double)options->rate);
    warm_up = n / 10;
  }
  paced.rate = options->rate;
  flows_open(&paced.flows, options, NFRAMES);
  run_phase(warm_up);
  load_meter_begin(&paced.meter, options, 0);
  run_phase(n > 0 ? n : 1);
  load_meter_end(&paced.meter, options, n, result);
  result->late_us = histogram_quantile(&paced.lateness, 0.99) / 1e3;
}
