/* permessage-deflate over real sockets: long messages pass through in little memory, whoever stops and goes on.
 * "test_deflate_flow 1024" sends as many MiB; in a build without sanitizers the resident memory that it tells of is the
 * process's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "integration/deflate_wire.h"

#define KIB        1024u
#define CHUNK      65536u
#define HIGH_WATER (256 * 1024)

static uint64_t nmebibytes = 64;

/* ---- one long message ---- */

/* The sending side, the receiving side, and how far they are. */
struct transfer {
  struct loopback lb;
  wsuv_deflate_t *deflate; /* of both */
  wsuv_role_t sender;
  uint64_t size;
  uint64_t sent;
  uint64_t received;
  uint64_t wire; /* octets that took the message's place */
  unsigned npings;
  unsigned npieces;
  unsigned nclosed;
  int nfirst;
  int nfinal;
  size_t longest;
  size_t base_size; /* memory in use when the transfer began */
  size_t base_rss;
  size_t peak_rss;
  wsuv_server_t *server;
  wsuv_conn_t *from;
  wsuv_conn_t *to;
  uint64_t stop_every; /* octets, 0: never */
  uint64_t next_stop;
  int is_stopped;
};

static size_t resident(void) {
  size_t size = 0;
  CHECK_INT(0, uv_resident_set_memory(&size));
  return size;
}

static struct transfer *transfer_of(wsuv_conn_t *conn) {
  wsuv_server_t *server = wsuv_conn_server(conn);
  return server != NULL ? wsuv_server_data(server) : wsuv_conn_data(conn);
}

static void send_chunk(struct transfer *t) {
  static uint8_t chunk[CHUNK];
  int flags = t->sent % (4 * CHUNK) == 0 ? WSUV_SEND_FLUSH : 0;

  put_text(chunk, t->sent, CHUNK);
  t->sent += CHUNK;
  if (t->sent < t->size)
    CHECK_ERR(0, CALL(&t->lb, wsuv_conn_send_chunk(t->from, chunk, CHUNK, flags)));
  else
    CHECK_ERR(0, CALL(&t->lb, wsuv_conn_send_end(t->from, chunk, CHUNK)));
}

/* Chunks until the queue is full or the end; a Ping now and then goes in between. */
static void send_more(wsuv_conn_t *conn) {
  struct transfer *t = transfer_of(conn);

  if (conn != t->from || t->stop_every > 0)
    return;
  while (t->sent < t->size && wsuv_conn_queued(conn) <= HIGH_WATER) {
    send_chunk(t);
    if (t->sent % (CHUNK * 64u) == 0)
      CHECK_ERR(0, CALL(&t->lb, wsuv_conn_ping(conn, "?", 1)));
  }
}

static void note_open(wsuv_conn_t *conn) {
  struct transfer *t = transfer_of(conn);

  if (wsuv_conn_role(conn) == t->sender)
    t->from = conn;
  else
    t->to = conn;
  CHECK_SIZE(1, wsuv_conn_nextensions(conn));
}

static void note_piece(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                       int flags) {
  static uint8_t expected[CHUNK];
  struct transfer *t = transfer_of(conn);

  CHECK_INT(0, t->is_stopped);
  CHECK_INT(WSUV_TEXT, type);
  CHECK_TRUE(len <= sizeof expected);
  CHECK_TRUE(len > 0 || (flags & WSUV_FINAL) != 0);
  put_text(expected, t->received, len);
  CHECK_BYTES(expected, len, payload, len);
  t->nfirst += (flags & WSUV_FIRST) != 0;
  t->nfinal += (flags & WSUV_FINAL) != 0;
  t->received += len;
  t->npieces++;
  t->longest = len > t->longest ? len : t->longest;
  if (t->npieces % 256 == 0 && resident() > t->peak_rss)
    t->peak_rss = resident();
  if (t->stop_every > 0 && t->received >= t->next_stop) {
    t->next_stop += t->stop_every;
    t->is_stopped = 1;
    CALL_VOID(&t->lb, wsuv_conn_read_stop(conn));
  }
}

static void note_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct transfer *t = transfer_of(conn);
  uint8_t *expected = malloc(len);

  CHECK_INT(0, t->is_stopped);
  CHECK_INT(WSUV_TEXT, type);
  CHECK_NOT_NULL(expected);
  put_text(expected, 0, len);
  CHECK_BYTES(expected, len, payload, len);
  free(expected);
  t->received += len;
  t->nfinal++;
}

static void note_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  (void)payload;
  (void)len;
  transfer_of(conn)->npings++;
}

static void note_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct transfer *t = transfer_of(conn);
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, 0);
  wsuv_deflate_stats_t stats;

  CHECK_INT(1, info->clean);
  CHECK_INT(0, t->is_stopped);
  t->nclosed++;
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  CHECK_SIZE(t->received, conn == t->to ? stats.received_octets : stats.sent_octets);
  t->wire = conn == t->to ? stats.received_compressed_octets : stats.sent_compressed_octets;
}

static const wsuv_handler_t in_pieces = {.size = sizeof(wsuv_handler_t),
                                         .on_open = note_open,
                                         .on_fragment = note_piece,
                                         .on_ping = note_ping,
                                         .on_drain = send_more,
                                         .on_close = note_close};
static const wsuv_handler_t whole = {.size = sizeof(wsuv_handler_t),
                                     .on_open = note_open,
                                     .on_message = note_message,
                                     .on_close = note_close};
static const wsuv_server_handler_t server_in_pieces = {.size = sizeof(wsuv_server_handler_t),
                                                       .conn = &in_pieces};
static const wsuv_server_handler_t server_whole = {.size = sizeof(wsuv_server_handler_t),
                                                   .conn = &whole};

static void transfer_begin(struct transfer *t, wsuv_role_t sender,
                           const wsuv_deflate_options_t *preset, int is_whole) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  const wsuv_extension_t *extension;
  wsuv_conn_t *client;
  char url[64];

  memset(t, 0, sizeof *t);
  t->sender = sender;
  loopback_open(&t->lb);
  t->deflate = make_deflate(&t->lb, preset);
  extension = wsuv_deflate_extension(t->deflate);
  conn.write_high_water = HIGH_WATER;
  listen.conn = connect.conn = &conn;
  listen.extensions = connect.extensions = &extension;
  listen.nextensions = connect.nextensions = 1;
  CHECK_ERR(0, CALL(&t->lb, wsuv_server_listen(t->lb.loop, &t->server, &listen,
                                               is_whole ? &server_whole : &server_in_pieces, t)));
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_server_port(t->server));
  connect.url = url;
  CHECK_ERR(0, CALL(&t->lb, wsuv_connect(t->lb.loop, &client, &connect,
                                         is_whole ? &whole : &in_pieces, t)));
  RUN_UNTIL(&t->lb, t->from != NULL && t->to != NULL);
  t->base_size = t->lb.fa.outstanding_size;
  t->lb.fa.peak_size = t->base_size;
  t->base_rss = resident();
  CHECK_ERR(0, CALL(&t->lb, wsuv_conn_send_begin(t->from, WSUV_TEXT, 0)));
}

static void transfer_end(struct transfer *t) {
  loopback_end(&t->lb);
  RUN_UNTIL(&t->lb, t->lb.loop_closed);
  wsuv_deflate_free(t->deflate);
  loopback_close(&t->lb);
}

static void close_and_wait(struct transfer *t) {
  CHECK_ERR(0, CALL(&t->lb, wsuv_conn_close(t->from, 1000, NULL)));
  RUN_UNTIL(&t->lb, t->nclosed == 2);
}

struct way {
  const char *name;
  wsuv_role_t sender;
  const wsuv_deflate_options_t *preset;
};

static const struct way ways[] = {
    {"client to server, shared", WSUV_CLIENT, &shared},
    {"server to client, shared", WSUV_SERVER, &shared},
    {"client to server, dedicated", WSUV_CLIENT, &dedicated},
    {"server to client, dedicated", WSUV_SERVER, &dedicated},
};

/* covers: PMD.18 CORE.8 STR.10 */
static void run_long_message(const void *row) {
  const struct way *way = row;
  struct transfer t;
  size_t grown;

  transfer_begin(&t, way->sender, way->preset, 0);
  t.size = (loopback_is_slow() ? 4 : nmebibytes) * MIB;
  send_more(t.from);
  RUN_UNTIL(&t.lb, t.nfinal == 1);
  CHECK_SIZE(t.size, t.received);
  CHECK_INT(1, t.nfirst);
  CHECK_SIZE((size_t)(t.size / (CHUNK * 64u)), t.npings);
  CHECK_TRUE(t.longest <= 16 * KIB);
  grown = t.lb.fa.peak_size - t.base_size;
  CHECK_TRUE(grown < 2 * MIB);
  close_and_wait(&t);
  CHECK_TRUE(t.wire < t.size / 8);
  print_message("%llu MiB in %llu KiB, %u pieces: at most %zu KiB allocated, resident memory grew "
                "by %lld KiB\n",
                (unsigned long long)(t.size >> 20), (unsigned long long)(t.wire >> 10), t.npieces,
                grown >> 10, ((long long)t.peak_rss - (long long)t.base_rss) / 1024);
  transfer_end(&t);
}

/* ---- stopped while it comes in ---- */

/* All of it is under way, with a Close behind it: the sender has nothing left to do with it. */
static void send_all(struct transfer *t) {
  while (t->sent < t->size)
    send_chunk(t);
  CHECK_ERR(0, CALL(&t->lb, wsuv_conn_close(t->from, 1000, NULL)));
}

/* Nothing is decompressed meanwhile, however often the loop turns: what grows is what is read ahead. */
static void look_while_stopped(struct transfer *t) {
  unsigned npieces = t->npieces;
  size_t contexts = wsuv_deflate_memory(t->deflate);
  size_t before = t->lb.fa.outstanding_size;

  turn_often(&t->lb);
  CHECK_SIZE(npieces, t->npieces);
  CHECK_SIZE(contexts, wsuv_deflate_memory(t->deflate));
  CHECK_TRUE(t->lb.fa.outstanding_size < before + 256 * KIB);
  CHECK_SIZE(0, t->nclosed);
  t->is_stopped = 0;
  CALL_VOID(&t->lb, wsuv_conn_read_start(t->to));
}

/* covers: PMD.18 */
static void run_stopped(const void *row) {
  const struct way *way = row;
  struct transfer t;
  unsigned nstops = 0;
  size_t in_use = 0;

  transfer_begin(&t, way->sender, way->preset, 0);
  t.size = (loopback_is_slow() ? 2 : 16) * MIB;
  t.stop_every = t.next_stop = t.size / 64;
  send_all(&t);
  while (t.nclosed < 2) {
    RUN_UNTIL(&t.lb, t.is_stopped || t.nclosed == 2);
    if (!t.is_stopped)
      continue;
    if (nstops++ == 0) /* the sender's queue only falls from here on */
      t.lb.fa.peak_size = in_use = t.lb.fa.outstanding_size;
    look_while_stopped(&t);
  }
  CHECK_SIZE(t.size, t.received);
  CHECK_INT(1, t.nfinal);
  CHECK_SIZE(64, nstops);
  print_message("stopped %u times: at most %zu KiB more\n", nstops,
                (t.lb.fa.peak_size - in_use) / KIB);
  CHECK_TRUE(t.lb.fa.peak_size - in_use < 2 * MIB); /* compressed octets, read ahead */
  transfer_end(&t);
}

static void stop_at_every_piece(void **state) {
  struct transfer t;
  (void)state;
  transfer_begin(&t, WSUV_CLIENT, &shared, 0);
  t.size = MIB;
  t.stop_every = t.next_stop = 1;
  send_all(&t);
  while (t.nclosed < 2) {
    RUN_UNTIL(&t.lb, t.is_stopped || t.nclosed == 2);
    CHECK_TRUE(t.longest <= 16 * KIB);
    t.is_stopped = 0;
    t.next_stop = t.received + 1;
    if (t.nclosed == 0)
      CALL_VOID(&t.lb, wsuv_conn_read_start(t.to));
  }
  CHECK_SIZE(MIB, t.received);
  CHECK_INT(1, t.nfinal);
  transfer_end(&t);
}

/* The first part is there and the connection is stopped: the rest waits as it came. */
static void a_whole_message_waits_compressed(void **state) {
  size_t before;
  struct transfer t;
  (void)state;
  transfer_begin(&t, WSUV_CLIENT, &shared, 1);
  t.size = 8 * MIB;
  send_chunk(&t);
  RUN_UNTIL(&t.lb, wsuv_conn_queued(t.from) == 0);
  while (t.lb.fa.outstanding_size < t.base_size + CHUNK)
    loopback_turn(&t.lb); /* until it has been decompressed */
  CALL_VOID(&t.lb, wsuv_conn_read_stop(t.to));
  t.is_stopped = 1;
  send_all(&t);
  before = t.lb.fa.outstanding_size;
  look_while_stopped(&t);
  CHECK_TRUE(t.lb.fa.outstanding_size < before + 256 * KIB);
  RUN_UNTIL(&t.lb, t.nclosed == 2);
  CHECK_SIZE(8 * MIB, t.received);
  CHECK_INT(1, t.nfinal);
  transfer_end(&t);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(stop_at_every_piece),
      cmocka_unit_test(a_whole_message_waits_compressed),
  };
  int failures;

  if (argc > 1)
    nmebibytes = strtoull(argv[1], NULL, 10);
  failures = CHECK_RUN_TABLE("a long message", ways, run_long_message);
  failures += CHECK_RUN_TABLE("a long message, stopped", ways, run_stopped);
  failures += cmocka_run_group_tests_name("deflate: flow", tests, NULL, NULL);
  return failures;
}
