/* A TLS stream of ours between a transport that takes as little, breaks where and brings what the test says, an owner that
 * notes what it is told, and a peer: an SSL of OpenSSL's that the test drives by hand. Nothing here waits for anything; tasks
 * run when the test says so (tls_rig_turn). What the stream promises of every call is checked all the time: no event inside of
 * one, one write at a time, nothing behind the end. */
#ifndef WSUV_TESTS_TLS_RIG_H
#define WSUV_TESTS_TLS_RIG_H

#include <openssl/ssl.h>

#include "io/loop.h"
#include "io/tls_stream.h"
#include "support/check.h"
#include "support/failing_alloc.h"

#define TLS_RIG_NO_LIMIT SIZE_MAX

struct tls_rig;

/* Octets one behind the other. */
struct tls_octets {
  uint8_t *base;
  size_t len;
  size_t cap;
};

/* The transport below. */
struct tls_lower {
  struct wsuv__stream base;
  struct tls_octets out; /* what it took, in order */
  size_t room;           /* octets that try_write still takes */
  int error;             /* what try_write, write and shutdown say instead, if it is not 0 */
  int read_error;        /* what read_start says */
  int reading;
  int writing; /* a write is under way: finish it */
  uv_buf_t pending;
  int shut;
  int closing;
  size_t nwrites; /* calls of try_write and write */
};

extern const struct wsuv__stream_ops tls_lower_ops;

/* What the owner is told of; `log` has a letter for each event in order. */
enum tls_event {
  TLS_EV_CONNECTED = 'C',
  TLS_EV_READ = 'R',
  TLS_EV_END = 'E', /* an error on_read tells of, UV_EOF among them */
  TLS_EV_WRITTEN = 'W',
  TLS_EV_SHUTDOWN = 'S',
  TLS_EV_CLOSED = 'X'
};

struct tls_owner {
  char log[64]; /* the first 63 events, without those of reading; R and E where `logs_reads` */
  size_t nlogged;
  int logs_reads;
  int connected; /* the status; 1: not told */
  struct tls_octets in;
  size_t nreads;
  int end; /* the last one; 1: none */
  int nends;
  int written; /* likewise */
  int nwritten;
  int shutdown;
  int closed;
  void (*on_event)(struct tls_rig *rig, enum tls_event event);
};

struct tls_rig {
  uv_loop_t uv;
  struct wsuv__loop loop;
  struct failing_alloc fa; /* of the loop, and so of the stream */
  wsuv_role_t role;
  struct wsuv__tls_stream *tls;
  struct wsuv__stream *top; /* the same */
  struct tls_lower lower;
  struct tls_owner owner;
  SSL *peer;
  BIO *to_peer;
  BIO *from_peer;
  size_t peer_has;        /* octets of lower.out that the peer was given */
  struct tls_octets wire; /* from the peer, not yet given to ours */
  struct tls_octets peer_in;
  int calling; /* inside of a call of the stream's */
  int is_closed;
  void *arg; /* the test's */
};

/* ---- rows ---- */

struct tls_rig_row {
  const char *name;
  wsuv_role_t role;
  int version;
};

/* Each role with each version. */
extern const struct tls_rig_row tls_rig_rows[4];

/* Lengths at the borders of records, and of what a stream reads at once. */
extern const size_t tls_rig_sizes[12];

/* ---- contexts, of certificates in WSUV_TEST_CERTS (tls_rig_peer.c) ---- */

/* Made once for the program and given back by tls_rig_forget_contexts. Ours is for "localhost", shows "server" and trusts
 * "ca". */
wsuv_tls_context_t *tls_rig_context(wsuv_role_t role);
wsuv_tls_context_t *tls_rig_new_context(wsuv_role_t role, const wsuv_tls_options_t *more);

/* An SSL_CTX of the other side, of that version and no other; the caller's. */
SSL_CTX *tls_rig_new_peer_ctx(wsuv_role_t role_of_ours, int version);
void tls_rig_forget_contexts(void);

/* ---- its life ---- */

/* Everything but the start. `version`: the peer's only one. The transport takes everything. */
void tls_rig_open(struct tls_rig *rig, wsuv_role_t role, int version);
void tls_rig_open_with(struct tls_rig *rig, wsuv_role_t role, wsuv_tls_context_t *context,
                       SSL_CTX *peer_ctx);

/* The same in two steps: without a stream yet, and the stream (0 or WSUV_ENOMEM). */
void tls_rig_prepare(struct tls_rig *rig, wsuv_role_t role, SSL_CTX *peer_ctx);
int tls_rig_put_on(struct tls_rig *rig, wsuv_tls_context_t *context);

/* Closes the stream if it was not, settles the transport, frees everything and looks for leaks. */
void tls_rig_close(struct tls_rig *rig);

/* open, start, the whole handshake, and reading on. */
void tls_rig_connect(struct tls_rig *rig, wsuv_role_t role, int version);

/* ---- the owner's calls; no event may come inside ---- */

void tls_rig_start(struct tls_rig *rig);
int tls_rig_read_start(struct tls_rig *rig);
void tls_rig_read_stop(struct tls_rig *rig);
int tls_rig_try_write(struct tls_rig *rig, const void *bytes, size_t len);
int tls_rig_try_write_bufs(struct tls_rig *rig, const uv_buf_t *bufs, unsigned nbufs);
int tls_rig_write(struct tls_rig *rig, const void *bytes, size_t len);
int tls_rig_write_bufs(struct tls_rig *rig, const uv_buf_t *bufs, unsigned nbufs);
int tls_rig_shutdown(struct tls_rig *rig);
void tls_rig_end(struct tls_rig *rig); /* close */
size_t tls_rig_held(struct tls_rig *rig);
size_t tls_rig_unwritten(struct tls_rig *rig);

/* ---- the transport's events ---- */

/* One turn of the loop: the tasks that wait. */
void tls_rig_turn(struct tls_rig *rig);

/* So much arrives, in memory of its own that is overwritten afterwards. The stream must be reading. */
void tls_rig_receive(struct tls_rig *rig, const void *bytes, size_t len);
void tls_rig_receive_end(struct tls_rig *rig, int err);

/* The write under way is taken so far by the kernel; and to its end, or breaks. */
void tls_rig_take_some(struct tls_rig *rig, size_t len);
void tls_rig_finish_write(struct tls_rig *rig, int status);
void tls_rig_finish_shutdown(struct tls_rig *rig, int status);
void tls_rig_finish_close(struct tls_rig *rig);

/* All writes, and all tasks. */
void tls_rig_settle(struct tls_rig *rig);

/* ---- the peer (tls_rig_peer.c) ---- */

/* What ours sent goes to the peer; what the peer made goes to `wire`. */
void tls_rig_to_peer(struct tls_rig *rig);
void tls_rig_from_peer(struct tls_rig *rig);

/* The first `len` octets of `wire`, or all of it, to ours. */
void tls_rig_deliver(struct tls_rig *rig, size_t len);
void tls_rig_deliver_all(struct tls_rig *rig);

/* One step of the peer's handshake with all it has: 1 when it is done, 0 to go on, -1 when it failed. */
int tls_rig_peer_shake(struct tls_rig *rig);

/* All of the handshake, in order; ours is connected then. */
void tls_rig_shake(struct tls_rig *rig);

/* What the peer writes, into `wire`. */
void tls_rig_peer_write(struct tls_rig *rig, const void *bytes, size_t len);

/* Reads all there is into peer_in; SSL_get_error of the last read. */
int tls_rig_peer_read(struct tls_rig *rig);

/* ---- octets ---- */

void tls_octets_add(struct tls_octets *octets, const void *bytes, size_t len);
void tls_octets_drop(struct tls_octets *octets, size_t len);
void tls_octets_free(struct tls_octets *octets);

/* The length of the i-th TLS record's body from `at` on, or -1 behind the last whole one. */
long tls_octets_record(const struct tls_octets *octets, size_t at, size_t i);
size_t tls_octets_nrecords(const struct tls_octets *octets, size_t at);

/* Octets that differ from place to place, so that what is lost or twice is seen. */
void tls_rig_fill(uint8_t *out, size_t len, unsigned seed);

#endif
