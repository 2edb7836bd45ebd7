/* Once a server is warm a message costs no memory, whatever its size; what it keeps for that goes when nobody needs it. */
#include <stdlib.h>
#include <string.h>
#include <wsuv/stats.h>

#include "integration/raw_peer.h"

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  uint8_t *bytes;
};

#define LARGEST (1024u * 1024)

static void open_rig(struct rig *rig, void (*on_event)(struct talker *t, enum event event)) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  conn.max_message_size = LARGEST;
  options.conn = &conn;
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = on_event;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  raw_open(&rig->raw, &rig->host);
  rig->bytes = calloc(1, LARGEST + WSUV_FRAME_HEADER_MAX);
  CHECK_NOT_NULL(rig->bytes);
}

static void close_rig(struct rig *rig) {
  raw_close(&rig->raw);
  free(rig->bytes);
  loopback_close(&rig->lb);
}

static size_t unfinished(struct talker *t) {
  wsuv_conn_stats_t stats = {.size = sizeof stats};

  CHECK_ERR(0, CALL(t->lb, wsuv_conn_stats(t->conn, &stats)));
  return stats.unfinished;
}

/* A large one in two pieces, so that it is never there in one read. */
static void send_one(struct rig *rig, size_t len) {
  uint8_t *payload = calloc(1, len);
  struct talker *t = rig->host.talkers[0];
  unsigned before = t->n[EV_MESSAGE];
  size_t first = len >= 65536 ? len / 2 : 0;
  size_t total;

  CHECK_NOT_NULL(payload);
  total = frame_put(rig->bytes, WSUV_CLIENT, WSUV_BINARY, payload, len);
  if (first > 0) {
    raw_send(&rig->raw, rig->bytes, first);
    RUN_UNTIL(&rig->lb, unfinished(t) > 0);
  }
  raw_send(&rig->raw, rig->bytes + first, total - first);
  RUN_UNTIL(&rig->lb, t->n[EV_MESSAGE] > before && rig->raw.nwriting == 0);
  CHECK_SIZE(len, t->len);
  free(payload);
}

static void check_steady(struct rig *rig, size_t len) {
  size_t ncalls;
  int i;

  for (i = 0; i < 3; i++)
    send_one(rig, len);
  ncalls = rig->lb.fa.ncalls;
  for (i = 0; i < 5; i++)
    send_one(rig, len);
  CHECK_SIZE(ncalls, rig->lb.fa.ncalls);
}

static void test_received_messages(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, NULL);
  check_steady(&rig, 20);
  check_steady(&rig, 1024);
  check_steady(&rig, 65536);
  check_steady(&rig, LARGEST);
  close_rig(&rig);
}

static void test_echoed_messages(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, talker_echo);
  check_steady(&rig, 20);
  check_steady(&rig, 1024);
  close_rig(&rig);
}

static size_t kept(struct rig *rig) {
  wsuv_loop_stats_t stats = {.size = sizeof stats};

  CHECK_ERR(0, CALL(&rig->lb, wsuv_loop_stats(rig->lb.loop, &stats)));
  return (size_t)stats.memory.buffers;
}

static void test_spare_buffers_go(void **state) {
  struct rig rig;
  size_t least;
  (void)state;
  open_rig(&rig, NULL);
  least = kept(&rig);
  send_one(&rig, LARGEST);
  RUN_UNTIL(&rig.lb, kept(&rig) == least);
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_received_messages),
      cmocka_unit_test(test_echoed_messages),
      cmocka_unit_test(test_spare_buffers_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
