/* What the connections of a loop may hold together (wsuv_loop_options_t.memory_budget). */
#include <stdlib.h>
#include <string.h>

#include "api/server.h"
#include "integration/given_stream.h"
#include "wsuv/deflate.h"
#include "wsuv/stats.h"
#include "wsuv/topic.h"

enum { BUDGET = 1 << 20, COMMON = BUDGET - BUDGET / 5, PIECE = 16 << 10, NPEERS = 8 };

static uint8_t octets[4 << 20];

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raws[NPEERS];
  size_t nraws;
};

static void open_rig(struct rig *rig) {
  wsuv_loop_options_t loop = WSUV_LOOP_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  loop.memory_budget = BUDGET;
  conn.ping_interval_ms = 500; /* who waits and is gone is found by it */
  conn.max_pings = 1000;
  conn.close_timeout_ms = 500;
  options.conn = &conn;
  memset(rig, 0, sizeof *rig);
  loopback_open_with(&rig->lb, loop);
  rig->lb.loop->budget.patience_ms = 60000; /* nobody is closed where that is not what is tested */
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static struct raw *add_peer(struct rig *rig) {
  struct raw *raw = &rig->raws[rig->nraws++];
  raw_open(raw, &rig->host);
  RUN_UNTIL(&rig->lb,
            rig->host.ntalkers == rig->nraws && rig->host.talkers[rig->nraws - 1]->n[EV_OPEN] == 1);
  return raw;
}

static struct wsuv__budget *budget_of(struct rig *rig) {
  return &rig->lb.loop->budget;
}

/* Until it is refused: octets that the queue took. */
static size_t fill(struct rig *rig, struct talker *t) {
  size_t n = 0;
  while (CALL(&rig->lb, wsuv_conn_send_binary(t->conn, octets, PIECE)) == 0) {
    n += PIECE;
    if (n % (256 << 10) == 0)
      loopback_turn(&rig->lb);
    CHECK_TRUE(n < sizeof octets * 16u);
  }
  CHECK_ERR(WSUV_EQUEUEFULL, rig->lb.result);
  return n;
}

static void a_slow_reader_is_refused_and_others_are_served(void **state) {
  struct rig rig;
  struct raw *stopped;
  struct raw *reader;
  int i;
  (void)state;
  open_rig(&rig);
  stopped = add_peer(&rig);
  reader = add_peer(&rig);
  raw_stop_reading(stopped);
  fill(&rig, rig.host.talkers[0]);
  CHECK_TRUE(wsuv_conn_queued(rig.host.talkers[0]->conn) <= COMMON);
  CHECK_TRUE(wsuv_conn_queued(rig.host.talkers[0]->conn) > COMMON - 2 * PIECE);
  for (i = 0; i < 100; i++) {
    raw_frame(reader, WSUV_TEXT, "hello", 5);
    raw_expect_frame(reader, WSUV_TEXT, "hello", 5);
  }
  raw_start_reading(stopped);
  RUN_UNTIL(&rig.lb, budget_of(&rig)->total == 0);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.host.talkers[0]->conn, octets, PIECE)));
  loopback_close(&rig.lb);
}

/* Unfinished messages: nobody is read from any more who holds more than a share. */
static void receiving_stops(void **state) {
  struct rig rig;
  wsuv_frame_header_t header = {.opcode = WSUV_BINARY, .fin = 1, .masked = 1};
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  struct raw newcomer;
  struct raw *other;
  size_t i;
  (void)state;
  open_rig(&rig);
  other = add_peer(&rig);
  header.payload_len = 1000000;
  for (i = 1; i < NPEERS; i++)
    add_peer(&rig);
  for (i = 1; i < NPEERS; i++) {
    struct raw *raw = &rig.raws[i];
    int n = wsuv_frame_header_encode(&header, head);
    raw_send(raw, head, (size_t)n);
    raw_send(raw, octets, 900000);
  }
  RUN_UNTIL(&rig.lb, budget_of(&rig)->nwaiting > 0);
  raw_connect(&newcomer, &rig.lb, rig.host.port);
  raw_say(&newcomer, RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&newcomer));
  CHECK_NOT_NULL(strstr(raw_text(&newcomer), "HTTP/1.1 503 "));
  for (i = 0; i < 100; i++) {
    raw_frame(other, WSUV_TEXT, "hello", 5);
    raw_expect_frame(other, WSUV_TEXT, "hello", 5);
  }
  CHECK_TRUE(budget_of(&rig)->total <= 2 * BUDGET); /* by the growth of one message */
  for (i = 1; i < NPEERS; i++) {
    raw_reset(&rig.raws[i]);
    loopback_turn(&rig.lb);
  }
  RUN_UNTIL(&rig.lb, budget_of(&rig)->nwaiting == 0 && budget_of(&rig)->total == 0);
  loopback_close(&rig.lb);
}

/* A message that had to wait is whole in the end. */
static void reading_goes_on_where_there_is_room_again(void **state) {
  struct rig rig;
  wsuv_frame_header_t header = {.opcode = WSUV_BINARY, .fin = 1, .masked = 1};
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  struct raw *stopped;
  struct raw *sender;
  int n;
  (void)state;
  open_rig(&rig);
  rig.host.on_event = NULL;
  stopped = add_peer(&rig);
  sender = add_peer(&rig);
  raw_stop_reading(stopped);
  fill(&rig, rig.host.talkers[0]);
  header.payload_len = 400000;
  n = wsuv_frame_header_encode(&header, head);
  raw_send(sender, head, (size_t)n);
  raw_send(sender, octets, 400000);
  RUN_UNTIL(&rig.lb, rig.host.talkers[1]->conn->waits_for_budget);
  CHECK_INT(0, rig.host.talkers[1]->n[EV_MESSAGE]);
  raw_start_reading(stopped);
  RUN_UNTIL(&rig.lb, rig.host.talkers[1]->n[EV_MESSAGE] == 1);
  CHECK_SIZE(400000, rig.host.talkers[1]->received);
  CHECK_SIZE(0, budget_of(&rig)->nwaiting);
  loopback_close(&rig.lb);
}

static void after_all_patience_the_largest_goes(void **state) {
  struct rig rig;
  struct raw *large;
  struct raw *small;
  size_t i;
  (void)state;
  open_rig(&rig);
  budget_of(&rig)->patience_ms = 20;
  small = add_peer(&rig);
  large = add_peer(&rig);
  raw_stop_reading(small);
  raw_stop_reading(large);
  for (i = 0; wsuv_conn_queued(rig.host.talkers[0]->conn) < BUDGET / 8; i++)
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.host.talkers[0]->conn, octets, PIECE)));
  fill(&rig, rig.host.talkers[1]);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.host.talkers[0]->conn, octets, 1)) ==
                       WSUV_EQUEUEFULL
                   ? 0
                   : rig.lb.result);
  RUN_UNTIL(&rig.lb, wsuv_conn_state(rig.host.talkers[1]->conn) > WSUV_STATE_OPEN);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(rig.host.talkers[0]->conn));
  raw_start_reading(large);
  raw_start_reading(small);
  RUN_UNTIL(&rig.lb, rig.host.talkers[1]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EBUDGET, rig.host.talkers[1]->end.error);
  CHECK_INT(WSUV_CLOSE_TRY_AGAIN_LATER, rig.host.talkers[1]->end.sent_code);
  CHECK_INT(0, rig.host.talkers[0]->n[EV_CLOSE]);
  loopback_close(&rig.lb);
}

/* ---- policies ---- */

/* The memory that is lacking is not this reader's fault: no policy ends it, and each refusal is counted. */
static void policies_do_not_heed_the_budget(void **state) {
  static const wsuv_slow_t policies[] = {WSUV_SLOW_REFUSE, WSUV_SLOW_DROP_OLDEST,
                                         WSUV_SLOW_KEEP_LATEST, WSUV_SLOW_CLOSE};
  wsuv_send_options_t send = WSUV_SEND_OPTIONS_INIT;
  wsuv_publish_options_t publish = WSUV_PUBLISH_OPTIONS_INIT;
  wsuv_conn_stats_t stats = {.size = sizeof stats};
  wsuv_published_t out;
  struct rig rig;
  wsuv_conn_t *conn;
  uint64_t nrefused;
  size_t i;
  (void)state;
  open_rig(&rig);
  raw_stop_reading(add_peer(&rig));
  conn = rig.host.talkers[0]->conn;
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(conn, "news")));
  fill(&rig, rig.host.talkers[0]);
  CHECK_ERR(0, wsuv_conn_stats(conn, &stats));
  nrefused = stats.drops.refused;
  for (i = 0; i < 4; i++) {
    send.slow = publish.slow = policies[i];
    CHECK_ERR(WSUV_EQUEUEFULL,
              CALL(&rig.lb, wsuv_conn_send_with(conn, WSUV_BINARY, octets, PIECE, &send)));
    CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_BINARY, octets,
                                                   PIECE, &publish, &out)));
    CHECK_SIZE(1, out.refused);
    CHECK_SIZE(0, out.closed);
  }
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(conn));
  CHECK_ERR(0, wsuv_conn_stats(conn, &stats));
  CHECK_SIZE(nrefused + 8, stats.drops.refused);
  CHECK_SIZE(nrefused + 8, stats.drops.refused + stats.drops.closed + stats.drops.oldest);
  loopback_close(&rig.lb);
}

/* ---- requests that the application has read ---- */

static void requests_taken_over_are_refused_too(void **state) {
  static const wsuv_header_t headers[] = {
      {"Host", "localhost", 0, 0},
      {"Upgrade", "websocket", 0, 0},
      {"Connection", "Upgrade", 0, 0},
      {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", 0, 0},
      {"Sec-WebSocket-Version", "13", 0, 0},
  };
  wsuv_adopt_options_t options = given_options(1, NULL, 0);
  wsuv_request_t request = WSUV_REQUEST_INIT;
  struct given given;
  struct raw peer;
  struct raw *stopped;
  struct rig rig;
  (void)state;
  open_rig(&rig);
  stopped = add_peer(&rig);
  raw_stop_reading(stopped);
  fill(&rig, rig.host.talkers[0]);
  CHECK_INT(0, given_open(&given, &peer, &rig.lb, GIVEN_PIPE));
  request.method = "GET";
  request.target = "/";
  request.headers = headers;
  request.nheaders = sizeof headers / sizeof headers[0];
  CHECK_ERR(WSUV_EBUSY, CALL(&rig.lb, wsuv_upgrade_from_request(rig.host.server, given.stream,
                                                                &request, &options)));
  CHECK_SIZE(1, rig.host.server->rejected[WSUV_REJECTED_BUDGET]);
  raw_start_reading(stopped);
  RUN_UNTIL(&rig.lb, budget_of(&rig)->total == 0);
  CHECK_ERR(0, CALL(&rig.lb,
                    wsuv_upgrade_from_request(rig.host.server, given.stream, &request, &options)));
  RUN_UNTIL(&rig.lb, raw_took_head(&peer));
  CHECK_BYTES("HTTP/1.1 101 ", 13, raw_text(&peer), 13);
  loopback_close(&rig.lb);
}

/* ---- compression ---- */

struct pairs {
  struct rig rig; /* first */
  struct talker clients[NPEERS];
  wsuv_deflate_t *deflate;
  const wsuv_extension_t *extension;
};

/* Non-zero: a build without compression. */
static int open_pairs(struct pairs *p) {
  static const wsuv_deflate_options_t presets = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_options_t o = presets;
  wsuv_loop_options_t loop = WSUV_LOOP_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  loop.memory_budget = BUDGET;
  memset(p, 0, sizeof *p);
  loopback_open_with(&p->rig.lb, loop);
  o.allocator = &p->rig.lb.fa.allocator;
  if (wsuv_deflate_new(&p->deflate, &o) != 0) {
    loopback_close(&p->rig.lb);
    return 1;
  }
  p->extension = wsuv_deflate_extension(p->deflate);
  options.extensions = &p->extension;
  options.nextensions = 1;
  host_init(&p->rig.host, &p->rig.lb);
  p->rig.host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&p->rig.host, &options));
  return 0;
}

static void close_pairs(struct pairs *p) {
  loopback_end(&p->rig.lb);
  RUN_UNTIL(&p->rig.lb, p->rig.lb.loop_closed);
  wsuv_deflate_free(p->deflate);
  loopback_close(&p->rig.lb);
}

/* One pair of connections, each with a context for each way. */
static struct talker *join(struct pairs *p, size_t i) {
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  struct talker *t = &p->clients[i];
  to.extensions = &p->extension;
  to.nextensions = 1;
  talker_init(t, &p->rig.lb);
  CHECK_ERR(0, talker_connect(t, &p->rig.host, &to));
  RUN_UNTIL(&p->rig.lb, t->n[EV_OPEN] + t->n[EV_CLOSE] > 0);
  return t;
}

static size_t contexts_of(struct pairs *p) {
  wsuv_loop_stats_t stats = {.size = sizeof stats};
  CHECK_ERR(0, wsuv_loop_stats(p->rig.lb.loop, &stats));
  return stats.memory.deflate;
}

static void contexts_are_counted(void **state) {
  static const char text[] = "the same, the same, the same, the same, the same, the same, the same";
  static struct pairs p;
  struct talker *t;
  (void)state;
  if (open_pairs(&p) != 0)
    return;
  t = join(&p, 0);
  CHECK_ERR(0, talker_say(t, text));
  RUN_UNTIL(&p.rig.lb, t->n[EV_MESSAGE] == 1);
  CHECK_TRUE(contexts_of(&p) > 100000);
  CHECK_SIZE(contexts_of(&p), budget_of(&p.rig)->total);
  CHECK_ERR(0, CALL(&p.rig.lb, wsuv_conn_close(t->conn, 1000, NULL)));
  RUN_UNTIL(&p.rig.lb, t->n[EV_CLOSE] == 1 && wsuv_server_nconns(p.rig.host.server) == 0);
  CHECK_SIZE(0, budget_of(&p.rig)->total);
  close_pairs(&p);
}

/* More contexts than the budget has room for: new ones are refused, and in the end some go. */
static void contexts_over_it_end_connections(void **state) {
  static const char text[] = "the same, the same, the same, the same, the same, the same, the same";
  static struct pairs p;
  int nended = 0;
  size_t i;
  (void)state;
  if (open_pairs(&p) != 0)
    return;
  budget_of(&p.rig)->patience_ms = 20;
  for (i = 0; i < NPEERS && !wsuv__budget_is_exhausted(budget_of(&p.rig)); i++)
    if (join(&p, i)->n[EV_CLOSE] == 0) {
      CHECK_ERR(0, talker_say(&p.clients[i], text));
      RUN_UNTIL(&p.rig.lb,
                p.clients[i].n[EV_MESSAGE] == 1 || wsuv__budget_is_exhausted(budget_of(&p.rig)));
    }
  CHECK_TRUE(i > 1 && i < NPEERS);
  RUN_UNTIL(&p.rig.lb, budget_of(&p.rig)->total < BUDGET / 10 * 7);
  close_pairs(&p);
  for (i = 0; i < NPEERS; i++)
    nended += p.clients[i].end.error == WSUV_EBUDGET ||
              p.clients[i].end.code == WSUV_CLOSE_TRY_AGAIN_LATER;
  CHECK_TRUE(nended > 0);
}

/* ---- an attack ---- */

#define NATTACKERS 160

/* Many peers with messages that do not end, and which read nothing: the whole stays at the budget, but for the growth of one
 * message. */
static void many_peers_with_unfinished_messages(void **state) {
  static struct raw attackers[NATTACKERS];
  wsuv_frame_header_t header = {.opcode = WSUV_BINARY, .fin = 1, .masked = 1};
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  struct rig rig;
  size_t most = 0;
  size_t i;
  int n;
  (void)state;
  memset(attackers, 0, sizeof attackers);
  open_rig(&rig);
  header.payload_len = 1000000;
  n = wsuv_frame_header_encode(&header, head);
  for (i = 0; i < NATTACKERS; i++)
    raw_open(&attackers[i], &rig.host);
  for (i = 0; i < NATTACKERS; i++) {
    raw_stop_reading(&attackers[i]);
    raw_frame(&attackers[i], WSUV_PING, octets, 125);
    raw_send(&attackers[i], head, (size_t)n);
    raw_send(&attackers[i], octets, 100000);
  }
  for (i = 0; i < 300 || budget_of(&rig)->nwaiting < NATTACKERS / 2; i++) {
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
    most = budget_of(&rig)->total > most ? budget_of(&rig)->total : most;
    CHECK_TRUE(i < 100000);
  }
  print_message("at most %zu octets of %d\n", most, BUDGET);
  CHECK_TRUE(most > COMMON / 2 && most <= BUDGET + BUDGET / 5);
  loopback_close(&rig.lb);
}

static void bad_budgets_are_refused(void **state) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  wsuv_loop_t *loop;
  uv_loop_t uv;
  (void)state;
  CHECK_ERR(0, uv_loop_init(&uv));
  options.memory_budget = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_loop_new(&loop, &uv, &options));
  CHECK_NULL(loop);
  CHECK_ERR(0, uv_loop_close(&uv));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_reader_is_refused_and_others_are_served),
      cmocka_unit_test(receiving_stops),
      cmocka_unit_test(reading_goes_on_where_there_is_room_again),
      cmocka_unit_test(after_all_patience_the_largest_goes),
      cmocka_unit_test(policies_do_not_heed_the_budget),
      cmocka_unit_test(requests_taken_over_are_refused_too),
      cmocka_unit_test(contexts_are_counted),
      cmocka_unit_test(contexts_over_it_end_connections),
      cmocka_unit_test(many_peers_with_unfinished_messages),
      cmocka_unit_test(bad_budgets_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
