/* One message of 256 MiB in fragments, each way, over a real socket: it arrives whole while memory stays flat.
 * "test_fragments 4096" sends as many MiB; in a build without sanitizers the resident memory that it tells of is the
 * process's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"

#define CHUNK      65536u
#define HIGH_WATER (256 * 1024)

/* The sending side, the receiving side, and how far they are. */
struct transfer {
  struct loopback *lb;
  wsuv_role_t sender;
  uint64_t size;
  uint64_t sent;
  uint64_t received;
  uint64_t npings;
  int nfirst;
  int nfinal;
  int nclosed;
  size_t base_size; /* memory in use when the transfer began */
  size_t base_rss;
  size_t peak_rss;
  size_t nstops;
};

static uint64_t nmebibytes = 256;

static size_t resident(void) {
  size_t size = 0;
  CHECK_INT(0, uv_resident_set_memory(&size));
  return size;
}

static uint8_t octet_at(uint64_t at) {
  return (uint8_t)(at * 31 + (at >> 16));
}

static struct transfer *transfer_of(wsuv_conn_t *conn) {
  wsuv_server_t *server = wsuv_conn_server(conn);
  return server != NULL ? wsuv_server_data(server) : wsuv_conn_data(conn);
}

/* Chunks until the queue is full or the end; a Ping now and then goes in between. covers: STR.10 */
static void send_more(wsuv_conn_t *conn) {
  struct transfer *t = transfer_of(conn);
  static uint8_t chunk[CHUNK];
  size_t i;

  if (wsuv_conn_role(conn) != t->sender)
    return;
  while (t->sent < t->size && wsuv_conn_queued(conn) <= HIGH_WATER) {
    for (i = 0; i < CHUNK; i++)
      chunk[i] = octet_at(t->sent + i);
    t->sent += CHUNK;
    if (t->sent < t->size)
      CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_chunk(conn, chunk, CHUNK, 0)));
    else
      CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_end(conn, chunk, CHUNK)));
    if (t->sent % (CHUNK * 64u) == 0)
      CHECK_ERR(0, CALL(t->lb, wsuv_conn_ping(conn, "?", 1)));
  }
}

static void on_open(wsuv_conn_t *conn) {
  struct transfer *t = transfer_of(conn);

  if (wsuv_conn_role(conn) != t->sender)
    return;
  t->base_size = t->lb->fa.outstanding_size;
  t->lb->fa.peak_size = t->base_size;
  t->base_rss = resident();
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(t->lb, wsuv_conn_send_text(conn, "x", 1)));
  send_more(conn);
}

static void start_again(wsuv_conn_t *conn) {
  CALL_VOID(transfer_of(conn)->lb, wsuv_conn_read_start(conn));
}

/* Now and then the receiver stops and starts, as one that passes the data on would. */
static void on_fragment(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                        int flags) {
  struct transfer *t = transfer_of(conn);
  const uint8_t *octets = payload;

  CHECK_INT(WSUV_BINARY, type);
  CHECK_TRUE(len == 0 || (octets[0] == octet_at(t->received) &&
                          octets[len - 1] == octet_at(t->received + len - 1)));
  t->nfirst += (flags & WSUV_FIRST) != 0;
  t->nfinal += (flags & WSUV_FINAL) != 0;
  t->received += len;
  if (t->received / (16u << 20) > t->nstops) {
    t->nstops++;
    if (resident() > t->peak_rss)
      t->peak_rss = resident();
    CALL_VOID(t->lb, wsuv_conn_read_stop(conn));
    start_again(conn);
  }
}

static void on_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  (void)payload;
  (void)len;
  transfer_of(conn)->npings++;
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct transfer *t = transfer_of(conn);
  CHECK_INT(1, info->clean);
  t->nclosed++;
}

static const wsuv_handler_t handler = {.size = sizeof(wsuv_handler_t),
                                       .on_open = on_open,
                                       .on_fragment = on_fragment,
                                       .on_ping = on_ping,
                                       .on_drain = send_more,
                                       .on_close = on_close};

static const wsuv_server_handler_t server_handler = {.size = sizeof(wsuv_server_handler_t),
                                                     .conn = &handler};

static void run_transfer(wsuv_role_t sender) {
  struct loopback lb;
  struct transfer t = {.lb = &lb, .sender = sender};
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_server_t *server;
  wsuv_conn_t *client;
  char url[64];

  loopback_open(&lb);
  t.size = (loopback_is_slow() ? 16 : nmebibytes) << 20;
  conn.write_high_water = HIGH_WATER;
  options.conn = &conn;
  connect.conn = &conn;
  CHECK_ERR(0, CALL(&lb, wsuv_server_listen(lb.loop, &server, &options, &server_handler, &t)));
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_server_port(server));
  connect.url = url;
  CHECK_ERR(0, CALL(&lb, wsuv_connect(lb.loop, &client, &connect, &handler, &t)));
  RUN_UNTIL(&lb, t.received == t.size);
  CHECK_INT(1, t.nfirst);
  CHECK_INT(1, t.nfinal);
  CHECK_SIZE((size_t)(t.size / (CHUNK * 64u)), (size_t)t.npings);
  CHECK_TRUE(lb.fa.peak_size - t.base_size < 2u << 20);
  print_message("%llu MiB: at most %zu KiB allocated, resident memory grew by %lld KiB\n",
                (unsigned long long)(t.size >> 20), (lb.fa.peak_size - t.base_size) >> 10,
                ((long long)t.peak_rss - (long long)t.base_rss) / 1024);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client, 1000, NULL)));
  RUN_UNTIL(&lb, t.nclosed == 2);
  loopback_close(&lb);
}

/* Each chunk is made when there is room for it: on_drain asks for more. covers: STR.10 */
static void test_client_to_server(void **state) {
  (void)state;
  run_transfer(WSUV_CLIENT);
}

static void test_server_to_client(void **state) {
  (void)state;
  run_transfer(WSUV_SERVER);
}

/* ---- ending inside on_fragment ---- */

struct ender {
  const char *name;
  void (*end)(struct loopback *lb, wsuv_conn_t *conn);
};

static void end_by_close(struct loopback *lb, wsuv_conn_t *conn) {
  CHECK_ERR(0, CALL(lb, wsuv_conn_close(conn, 1001, NULL)));
}

static void end_by_terminate(struct loopback *lb, wsuv_conn_t *conn) {
  CALL_VOID(lb, wsuv_conn_terminate(conn));
}

static void end_by_loop(struct loopback *lb, wsuv_conn_t *conn) {
  (void)conn;
  loopback_end(lb);
}

static const struct ender enders[] = {
    {"close", end_by_close}, {"terminate", end_by_terminate}, {"loop close", end_by_loop}};

struct ending_server {
  struct loopback *lb;
  const struct ender *ender;
  int nfragments;
  int nclosed;
};

static void end_at_the_first(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                             int flags) {
  struct ending_server *s = wsuv_server_data(wsuv_conn_server(conn));
  (void)type;
  (void)payload;
  (void)len;
  CHECK_INT(0, s->nclosed);
  if (s->nfragments++ > 0)
    return;
  CHECK_INT(WSUV_FIRST, flags);
  s->ender->end(s->lb, conn);
}

static void note_end(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct ending_server *s = wsuv_server_data(wsuv_conn_server(conn));
  (void)info;
  s->nclosed++;
}

static const wsuv_handler_t ending_handler = {
    .size = sizeof(wsuv_handler_t), .on_fragment = end_at_the_first, .on_close = note_end};

static const wsuv_server_handler_t ending_server_handler = {.size = sizeof(wsuv_server_handler_t),
                                                            .conn = &ending_handler};

/* Two fragments in one segment: after an end at once the second is not heard, after a Close it may be. */
static void run_ender(const void *row) {
  struct loopback lb;
  struct ending_server s = {.lb = &lb, .ender = row};
  struct host host;
  struct raw raw;
  uint8_t frames[64];
  size_t len = frame_put(frames, WSUV_CLIENT, WSUV_TEXT, "ab", 2);

  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0,
            CALL(&lb, wsuv_server_listen(lb.loop, &host.server, NULL, &ending_server_handler, &s)));
  host.port = wsuv_server_port(host.server);
  raw_open(&raw, &host);
  frames[0] &= 0x7f; /* the first of two */
  len += frame_put(frames + len, WSUV_CLIENT, WSUV_CONTINUATION, "cd", 2);
  raw_send(&raw, frames, len);
  RUN_UNTIL(&lb, s.nfragments > 0);
  raw_end(&raw);
  RUN_UNTIL(&lb, s.nclosed == 1);
  CHECK_INT(s.ender->end == end_by_close ? 2 : 1, s.nfragments);
  loopback_close(&lb);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_client_to_server),
      cmocka_unit_test(test_server_to_client),
  };
  if (argc > 1)
    nmebibytes = strtoull(argv[1], NULL, 10);
  return CHECK_RUN_TABLE("ends inside on_fragment", enders, run_ender) +
         cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
