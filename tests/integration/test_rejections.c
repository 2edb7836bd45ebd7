/* Every connection that is refused is counted once, under its reason; and all that came are accounted for. */
#include <stdio.h>
#include <string.h>

#include "api/server.h"
#include "integration/raw_peer.h"
#include "wsuv/drain.h"
#include "wsuv/metrics.h"

#define BUDGET (1 << 20)
#define FIELDS(more)                                                       \
  "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" more   \
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n\r\n"
#define EVIL     FIELDS("Origin: http://evil.example\r\n")
#define PLAIN    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define NONSENSE "nonsense\r\n\r\n"

/* What stands in the way of the peer that the row is about. */
enum obstacle { NOTHING, ONE_IS_OPEN, ONE_IS_SILENT, DRAIN, CLOSE, FULL_BUDGET };

struct row {
  const char *name;
  wsuv_rejection_t reason;
  enum obstacle obstacle;
  const char *text;   /* of that peer; NULL: it says nothing */
  const char *answer; /* the beginning; "" for none */
  int64_t max_connections;
  int64_t max_of_address;
  int64_t max_handshakes;
  int is_asked; /* the application is, and says no */
  int is_fast;  /* the handshake's deadline comes */
};

static const struct row rows[] = {
    {"nonsense", WSUV_REJECTED_MALFORMED, NOTHING, NONSENSE, "HTTP/1.1 400 ", 0, 0, 0, 0, 0},
    {"no upgrade", WSUV_REJECTED_MALFORMED, NOTHING, PLAIN, "HTTP/1.1 426 ", 0, 0, 0, 0, 0},
    {"early data", WSUV_REJECTED_MALFORMED, NOTHING, RAW_REQUEST "x", "HTTP/1.1 400 ", 0, 0, 0, 1,
     0},
    {"origin", WSUV_REJECTED_ORIGIN, NOTHING, EVIL, "HTTP/1.1 403 ", 0, 0, 0, 0, 0},
    {"application", WSUV_REJECTED_BY_APPLICATION, NOTHING, RAW_REQUEST, "HTTP/1.1 403 ", 0, 0, 0, 1,
     0},
    {"connections", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, RAW_REQUEST, "HTTP/1.1 503 ", 1, 0, 0,
     0, 0},
    {"connections, nonsense", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, NONSENSE, "HTTP/1.1 400 ", 1,
     0, 0, 0, 0},
    {"connections, origin", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, EVIL, "HTTP/1.1 503 ", 1, 0, 0,
     0, 0},
    {"connections, early data", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, RAW_REQUEST "x",
     "HTTP/1.1 400 ", 1, 0, 0, 0, 0},
    {"connections, silent", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, NULL, "", 1, 0, 0, 0, 1},
    {"connections, slow", WSUV_REJECTED_CONNECTIONS, ONE_IS_OPEN, "GET /", "HTTP/1.1 408 ", 1, 0, 0,
     0, 1},
    {"address", WSUV_REJECTED_ADDRESS, ONE_IS_OPEN, RAW_REQUEST, "HTTP/1.1 429 ", 0, 1, 0, 0, 0},
    {"address, nonsense", WSUV_REJECTED_ADDRESS, ONE_IS_OPEN, NONSENSE, "HTTP/1.1 400 ", 0, 1, 0, 0,
     0},
    {"handshakes", WSUV_REJECTED_HANDSHAKES, ONE_IS_SILENT, RAW_REQUEST, "HTTP/1.1 503 ", 0, 0, 1,
     0, 0},
    {"slow", WSUV_REJECTED_SLOW, NOTHING, "GET /", "HTTP/1.1 408 ", 0, 0, 0, 0, 1},
    {"silent", WSUV_REJECTED_SLOW, NOTHING, NULL, "", 0, 0, 0, 0, 1},
    {"drained", WSUV_REJECTED_STOPPING, DRAIN, NULL, "HTTP/1.1 503 ", 0, 0, 0, 0, 0},
    {"closed", WSUV_REJECTED_STOPPING, CLOSE, "GET /", "HTTP/1.1 503 ", 0, 0, 0, 0, 0},
    {"budget", WSUV_REJECTED_BUDGET, FULL_BUDGET, RAW_REQUEST, "HTTP/1.1 503 ", 0, 0, 0, 0, 0},
};

static uint8_t octets[16 << 10];

static void say_no(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0)));
}

struct rig {
  struct loopback lb; /* first */
  struct host host;
  struct raw obstacle;
  struct raw peer;
  size_t nconns; /* that came */
};

static void listen_for(struct rig *rig, const struct row *row) {
  wsuv_loop_options_t loop = WSUV_LOOP_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loop.memory_budget = BUDGET;
  loopback_open_with(&rig->lb, loop);
  host_init(&rig->host, &rig->lb);
  rig->host.on_upgrade = row->is_asked ? say_no : NULL;
  options.conn = &conn;
  options.max_connections = row->max_connections;
  options.max_connections_per_address = row->max_of_address;
  options.max_handshakes = row->max_handshakes;
  options.refuse_early_data = 1;
  if (row->is_fast)
    conn.handshake_timeout_ms = 30;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void come(struct rig *rig, struct raw *raw) {
  raw_connect(raw, &rig->lb, rig->host.port);
  rig->nconns++;
  RUN_UNTIL(&rig->lb, wsuv_server_nconns(rig->host.server) == rig->nconns);
}

static void fill(struct rig *rig) {
  raw_stop_reading(&rig->obstacle);
  while (CALL(&rig->lb, wsuv_conn_send_binary(rig->host.talkers[0]->conn, octets, sizeof octets)) ==
         0)
    if (wsuv_conn_queued(rig->host.talkers[0]->conn) == 0)
      loopback_turn(&rig->lb);
  CHECK_ERR(WSUV_EQUEUEFULL, rig->lb.result);
}

static void put_before(struct rig *rig, enum obstacle obstacle) {
  if (obstacle == ONE_IS_OPEN || obstacle == FULL_BUDGET || obstacle == ONE_IS_SILENT)
    come(rig, &rig->obstacle);
  if (obstacle == ONE_IS_OPEN || obstacle == FULL_BUDGET) {
    raw_say(&rig->obstacle, RAW_REQUEST);
    RUN_UNTIL(&rig->lb, raw_took_head(&rig->obstacle));
  }
  if (obstacle == FULL_BUDGET)
    fill(rig);
}

static void stop(struct rig *rig, enum obstacle obstacle) {
  if (obstacle == DRAIN)
    CHECK_ERR(0, CALL(&rig->lb, wsuv_server_drain(rig->host.server, NULL)));
  else if (obstacle == CLOSE)
    CALL_VOID(&rig->lb, wsuv_server_close(rig->host.server));
}

static uint64_t sum_of(const uint64_t *rejected) {
  uint64_t sum = 0;
  size_t i;

  for (i = 0; i < WSUV_NREJECTIONS; i++)
    sum += rejected[i];
  return sum;
}

/* Those in their handshakes are what is left. */
static void check_counts(struct rig *rig, const struct row *row) {
  wsuv_server_stats_t stats = {.size = sizeof stats};

  CHECK_ERR(0, wsuv_server_stats(rig->host.server, &stats));
  CHECK_SIZE(1, stats.rejected[row->reason]);
  CHECK_SIZE(1, sum_of(stats.rejected));
  CHECK_SIZE(rig->nconns, stats.accepted);
  CHECK_SIZE(stats.accepted, stats.opened + sum_of(stats.rejected) + rig->host.server->nhandshakes);
}

static void check_metrics(struct rig *rig) {
  static char text[64 << 10];
  size_t len;
  const char *at = text;
  int n = 0;

  CHECK_ERR(0, wsuv_metrics_write_loop(rig->lb.loop, text, sizeof text, &len));
  while ((at = strstr(at, "_rejected_total{")) != NULL) {
    at = strchr(at, ' ');
    n += strncmp(at, " 1\n", 3) == 0;
  }
  CHECK_INT(1, n);
}

static void test_row(const void *given) {
  const struct row *row = given;
  static struct rig rig;

  listen_for(&rig, row);
  put_before(&rig, row->obstacle);
  come(&rig, &rig.peer);
  if (row->text != NULL)
    raw_say(&rig.peer, row->text);
  stop(&rig, row->obstacle);
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.peer) || rig.peer.eof || rig.peer.error != 0);
  CHECK_BYTES(row->answer, strlen(row->answer), raw_text(&rig.peer), strlen(row->answer));
  check_counts(&rig, row);
  check_metrics(&rig);
  loopback_close(&rig.lb);
}

/* Who is only told why not does not keep others out. */
static void test_refused_ones_are_no_handshakes(void **state) {
  static const struct row limits = {"", 0, NOTHING, NULL, "", 0, 0, 1, 0, 0};
  static struct rig rig;
  static struct raw refused[8];
  size_t i;
  (void)state;

  listen_for(&rig, &limits);
  come(&rig, &rig.obstacle);
  for (i = 0; i < 8; i++)
    come(&rig, &refused[i]);
  CHECK_SIZE(8, rig.host.server->rejected[WSUV_REJECTED_HANDSHAKES]);
  CHECK_SIZE(1, rig.host.server->nhandshakes);
  raw_say(&rig.obstacle, RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.obstacle));
  CHECK_SIZE(0, rig.host.server->nhandshakes);
  raw_open(&rig.peer, &rig.host);
  CHECK_BYTES("HTTP/1.1 101 ", 13, raw_text(&rig.peer), 13);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused_ones_are_no_handshakes),
  };

  return CHECK_RUN_TABLE("rejections", rows, test_row) +
         cmocka_run_group_tests_name("rejected", tests, NULL, NULL);
}
