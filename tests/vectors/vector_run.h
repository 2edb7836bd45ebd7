/* One run of an endpoint vector. */
#ifndef WSUV_TESTS_VECTOR_RUN_H
#define WSUV_TESTS_VECTOR_RUN_H

#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "vectors/vector_file.h"
#include "vectors/vector_split.h"
#include "vectors/vector_text.h"
#include "vectors/vector_wire.h"
#include "wsuv/deflate.h"
#include "wsuv/event.h"

enum { VECTOR_EVENTS_MAX = 400, VECTOR_WHAT_MAX = 24, VECTOR_ROOM = 1 << 18 };

/* A callback: "message text", "ping", "close 1000", and the octets that came with it. */
struct vector_event {
  char what[VECTOR_WHAT_MAX];
  struct vector_bytes bytes;
};

struct vector_run {
  const struct vector *vector;
  size_t at; /* the line being run */
  wsuv_role_t role;
  struct vector_split split;
  struct failing_alloc fa;
  int is_pull;    /* events are asked for instead of called back */
  size_t failing; /* the allocation that fails; then expectations do not hold. 0: none */
  wsuv_endpoint_options_t options;
  const char *deflate_answer; /* NULL: not negotiated */
  wsuv_deflate_t *deflate;
  wsuv_negotiated_t negotiated;
  wsuv_endpoint_t *ep;
  struct vector_wire *wire;      /* NULL: the endpoint is called */
  const struct guard_page *room; /* VECTOR_ROOM octets for input */
  struct vector_bytes pending;   /* received, not yet given to the endpoint */
  struct vector_bytes output;    /* left the endpoint, not yet looked at */
  struct vector_bytes sent;      /* all that left the endpoint */
  struct vector_event events[VECTOR_EVENTS_MAX];
  size_t nevents;
  size_t nseen;
  const char *on_message; /* what callbacks do */
  const char *on_ping;
  const char *on_close;
  int depth;
  int failed; /* an error that tells of the failed allocation was seen */
  int expected_error;
  uint8_t next_random;
  uint8_t last_key[4];
};

/* Runs the vector once; `failing` is the number of the allocation that fails. Returns the octets that were received, and
 * whether that allocation was ever asked for. */
size_t vector_run_once(const struct vector *vector, wsuv_role_t role, struct vector_split split,
                       int is_pull, size_t failing, const struct guard_page *room, int *has_failed);

/* Runs it over a wire that lies idle. Returns the octets that the peer wrote. */
size_t vector_run_over(struct vector_wire *wire, const struct vector *vector, wsuv_role_t role,
                       struct vector_split split, int is_pull, const struct guard_page *room);

/* Without a handler: asks for all events there are. Returns `err`, or what asking ended with. */
int vector_pull_events(struct vector_run *run, int err);

/* Whether the vector asks for that role. */
int vector_wants_role(const struct vector *vector, wsuv_role_t role);

/* Whether it has lines that have no meaning where events are asked for. */
int vector_pauses(const struct vector *vector);

/* ---- for the parts of the runner ---- */

/* The wire, if there is one, becomes the run's. */
void vector_attach(struct vector_run *run);

/* Gives the endpoint what the vector has put in, as far as it reads. */
void vector_receive_pending(struct vector_run *run);

/* The transport's end, as far as the wire has to do with it. */
void vector_receive_end(struct vector_run *run);

/* Runs a line; at the end of it come the error that is expected of a call. */
void vector_run_line(struct vector_run *run, const char *line);

/* Non-zero if the line is an expectation and was judged. */
int vector_expect(struct vector_run *run, const char *word, const char **line);

/* Prints where the run is; for expectations that do not hold. */
void vector_say_where(const struct vector_run *run);

/* Takes all output, or the first `max` octets of it. */
void vector_drain(struct vector_run *run, size_t max);

/* Adds a frame of the peer's. */
void vector_add_peer_frame(struct vector_run *run, const char **line);

/* "3 fin=0 rsv=2": opcode, FIN and reserved bits of a frame to send. */
void vector_take_frame(const char **line, wsuv_frame_header_t *frame);

/* The rules that hold for all output: it parses in the other role, and nothing follows a Close but Pongs before the
 * peer's. */
void vector_check_sent(const struct vector_run *run);

extern const wsuv_endpoint_handler_t vector_handler;

#endif
