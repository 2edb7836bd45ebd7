/* TLS alone at both ends of a connection: two streams of the test's, a wsuv_tls_t on each. It checks of its own accord, besides
 * what the loopback does, that reading that is stopped tells nothing, and that the stream is done with once and behind
 * on_close. */
#ifndef WSUV_TESTS_TLS_ENDS_H
#define WSUV_TESTS_TLS_ENDS_H

#include <wsuv/tls_stream.h>

#include "integration/given_stream.h"
#include "integration/tls_loopback.h"

enum end_event { END_SECURE, END_READ, END_END, END_DRAIN, END_CLOSE, NENDEVENTS };

struct tls_end {
  struct given given; /* first: what the stream's data is */
  struct loopback *lb;
  wsuv_tls_t *tls; /* from open until on_close returns */
  wsuv_role_t role;
  wsuv_tls_context_t *context;
  wsuv_adopt_options_t adopt;   /* to be changed before open */
  wsuv_tls_open_options_t open; /* likewise */
  void (*on_event)(struct tls_end *end, enum end_event event);
  void *arg;
  char log[32]; /* a letter for each event: s r e d c; r and d once for several in a row */
  size_t log_len;
  unsigned n[NENDEVENTS];
  uint8_t *in; /* all that came */
  size_t in_len;
  size_t in_cap;
  int stopped; /* by end_stop */
  int error;
  char detail[256];
};

extern const wsuv_tls_handler_t end_handler;

/* Options: the stream is given back to the test, the client asks for "localhost". */
void end_init(struct tls_end *end, struct loopback *lb, wsuv_role_t role,
              wsuv_tls_context_t *context);
int end_open(struct tls_end *end);

/* What went to and fro for those that are open: nothing is left out, and each ended once. Frees what end_init made. */
void end_free(struct tls_end *end);

void end_write(struct tls_end *end, const void *bytes, size_t len); /* must succeed */
void end_say(struct tls_end *end, const char *text);
void end_shut(struct tls_end *end); /* must succeed */
void end_close(struct tls_end *end);
void end_stop(struct tls_end *end);
void end_start(struct tls_end *end);

/* The application's own uv_close: TCP ends, and TLS does not. */
void end_cut(struct tls_end *end);

/* The rig: two ends, of the certificates of the tls_loopback's rig. */
struct tls_ends {
  struct loopback lb; /* first */
  struct tls_party server_side;
  struct tls_party client_side;
  struct tls_end server;
  struct tls_end client;
};

/* Both are connected; nothing is opened. */
void ends_init(struct tls_ends *ends, enum given_kind kind);
void ends_open(struct tls_ends *ends);
void ends_secure(struct tls_ends *ends); /* both, to on_secure */
void ends_close(struct tls_ends *ends);

/* The same without streams: each end gets one whose other end is a raw peer, and what one peer hears, the other says, once
 * it is relayed. */
struct tls_relay {
  struct tls_ends ends; /* first */
  struct raw to_server;
  struct raw to_client;
};

void relay_init(struct tls_relay *relay, enum given_kind kind);
void relay_turn(struct tls_relay *relay); /* relays what there is, and turns the loop */
void relay_secure(struct tls_relay *relay);
void relay_close(struct tls_relay *relay);

/* Octets of which no two pieces are alike. */
uint8_t *pattern_new(size_t len);

/* So many turns of the loop, none of which waits. */
void turns(struct loopback *lb, int n);

#endif
