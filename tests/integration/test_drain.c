/* Stopping a server without a stampede (wsuv/drain.h). */
#include <string.h>
#include <wsuv/drain.h>

#include "api/server.h"
#include "integration/given_stream.h"

#define MAX_REPORTS 1000
#define FAR_MS      600000

/* What the drain's callback was told, and what the server was at that time. */
struct rig {
  struct loopback lb;
  struct host host;
  wsuv_drain_options_t options;
  wsuv_drain_progress_t last;
  size_t nreports;
  size_t ndone;
  uint64_t start_ms;
  void (*on_report)(struct rig *rig);
};

static struct rig *current; /* the host's data is the fixture's */

static void on_progress(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  struct rig *rig = current;

  CHECK_PTR(rig->host.server, server);
  CHECK_INT(0, rig->lb.in_call);
  CHECK_SIZE(sizeof *progress, progress->size);
  CHECK_SIZE(progress->total, progress->ended + progress->remaining);
  CHECK_TRUE(progress->closing <= progress->remaining);
  CHECK_TRUE(progress->ended >= rig->last.ended);
  CHECK_SIZE(0, rig->ndone); /* the last one was the last */
  CHECK_INT(0, rig->host.nclosed);
  if (!progress->done && rig->nreports > 0)
    CHECK_TRUE(memcmp(progress, &rig->last, sizeof *progress) != 0);
  rig->last = *progress;
  rig->nreports++;
  rig->ndone += progress->done != 0;
  if (rig->on_report != NULL)
    rig->on_report(rig);
}

static void set_up(struct rig *rig) {
  static const wsuv_drain_options_t presets = WSUV_DRAIN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  rig->options = presets;
  rig->options.cb = on_progress;
  current = rig;
}

static void open_all(struct rig *rig) {
  set_up(rig);
  CHECK_ERR(0, host_listen(&rig->host, NULL));
}

static void drain(struct rig *rig) {
  rig->start_ms = uv_now(&rig->lb.uv);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_drain(rig->host.server, &rig->options)));
}

/* The end, with nothing left over. */
static void run_to_end(struct rig *rig) {
  RUN_UNTIL(&rig->lb, rig->host.nclosed == 1);
  CHECK_SIZE(1, rig->ndone);
  loopback_close(&rig->lb);
}

/* ---- its course ---- */

#define NCLIENTS 200

/* Answers a Close and ends, as a client does. */
static int took_close(struct raw *raw) {
  wsuv_frame_header_t header;
  const uint8_t *payload;

  if (!raw_took_frame(raw, &header, &payload))
    return 0;
  CHECK_INT(WSUV_CLOSE, header.opcode);
  CHECK_BYTES("\x03\xf4"
              "till later",
              12, payload, header.payload_len);
  raw_frame(raw, WSUV_CLOSE, payload, 2);
  raw_end(raw);
  return 1;
}

/* Nobody is told before its time, nor is anybody told before who came earlier. */
static void check_pace(struct rig *rig) {
  uint64_t elapsed = uv_now(&rig->lb.uv) - rig->start_ms;
  uint64_t window = (uint64_t)rig->options.window_ms;

  if (!rig->last.done && elapsed < window)
    CHECK_TRUE(rig->last.closing + rig->last.ended <= (elapsed + 1) * NCLIENTS / window + 1);
}

static void test_spread(void **state) {
  static struct raw clients[NCLIENTS];
  struct rig rig;
  size_t ntold = 0;
  size_t i;
  (void)state;

  open_all(&rig);
  for (i = 0; i < NCLIENTS; i++)
    raw_open(&clients[i], &rig.host);
  rig.options.window_ms = 300;
  rig.options.code = 1012;
  rig.options.reason = "till later";
  rig.on_report = check_pace;
  drain(&rig);
  while (rig.host.nclosed == 0) {
    loopback_turn(&rig.lb);
    while (ntold < NCLIENTS && took_close(&clients[ntold]))
      ntold++;
    for (i = ntold; i < NCLIENTS; i++)
      CHECK_SIZE(clients[i].at, clients[i].in_len);
  }
  CHECK_SIZE(NCLIENTS, ntold);
  CHECK_TRUE(uv_now(&rig.lb.uv) - rig.start_ms >= 300 * (NCLIENTS - 1) / NCLIENTS);
  CHECK_TRUE(rig.nreports > 1);
  CHECK_SIZE(NCLIENTS, rig.last.total);
  CHECK_SIZE(NCLIENTS, rig.last.ended);
  CHECK_SIZE(0, rig.last.terminated);
  for (i = 0; i < NCLIENTS; i++)
    CHECK_INT(1, rig.host.talkers[i]->end.clean);
  run_to_end(&rig);
}

/* Without a window, and with the defaults: one connection is told at once. */
static void test_at_once(void **state) {
  int with_options;
  (void)state;

  for (with_options = 0; with_options < 2; with_options++) {
    struct talker clients[5];
    size_t n = with_options ? 5 : 1;
    struct rig rig;
    size_t i;

    open_all(&rig);
    for (i = 0; i < n; i++)
      connect_pair(&rig.host, &clients[i]);
    rig.options.window_ms = WSUV_OFF;
    rig.options.deadline_ms = WSUV_OFF;
    if (with_options)
      drain(&rig);
    else
      CHECK_ERR(0, CALL(&rig.lb, wsuv_server_drain(rig.host.server, NULL)));
    CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_server_drain(rig.host.server, NULL)));
    RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
    for (i = 0; i < n; i++) {
      CHECK_INT(1001, clients[i].end.code);
      CHECK_STR("", clients[i].end.reason);
      CHECK_INT(1, clients[i].end.clean);
    }
    CHECK_SIZE(with_options ? 5 : 0, rig.last.ended);
    loopback_close(&rig.lb);
  }
}

static void test_nobody(void **state) {
  struct rig rig;
  (void)state;

  open_all(&rig);
  drain(&rig);
  CHECK_SIZE(0, rig.nreports);
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_SIZE(1, rig.nreports);
  CHECK_SIZE(0, rig.last.total);
  run_to_end(&rig);
}

/* A server that listens nowhere, and streams that do not keep the loop: only the drain keeps the loop. */
static void test_keeps_the_loop(void **state) {
  struct rig rig;
  struct given given[2];
  struct raw peers[2];
  size_t i;
  (void)state;

  set_up(&rig);
  CHECK_ERR(0, host_create(&rig.host, NULL));
  for (i = 0; i < 2; i++) {
    wsuv_adopt_options_t options = given_options(1, NULL, 0);
    CHECK_INT(0, given_open(&given[i], &peers[i], &rig.lb, GIVEN_PIPE));
    CHECK_ERR(0, CALL(&rig.lb, wsuv_server_adopt(rig.host.server, given[i].stream, &options)));
    raw_say(&peers[i], RAW_REQUEST);
    RUN_UNTIL(&rig.lb, raw_took_head(&peers[i]) && rig.host.ntalkers == i + 1);
    uv_unref((uv_handle_t *)given[i].stream);
    uv_unref(&peers[i].uv.handle);
  }
  RUN_UNTIL(&rig.lb, !uv_loop_alive(&rig.lb.uv));
  rig.options.window_ms = 100;
  rig.options.deadline_ms = 150;
  drain(&rig);
  CHECK_TRUE(uv_loop_alive(&rig.lb.uv));
  loopback_run_out(&rig.lb);
  CHECK_SIZE(2, rig.last.total);
  CHECK_SIZE(2, rig.last.terminated);
  run_to_end(&rig);
}

/* What the server had to say comes first; what the client says until then is answered. */
static void test_behind_the_queue(void **state) {
  struct rig rig;
  struct raw clients[2];
  (void)state;

  open_all(&rig);
  raw_open(&clients[0], &rig.host);
  raw_open(&clients[1], &rig.host);
  rig.options.window_ms = FAR_MS;
  CHECK_ERR(0, talker_say(rig.host.talkers[0], "one"));
  drain(&rig);
  CHECK_ERR(0, talker_say(rig.host.talkers[0], "two"));
  raw_expect_frame(&clients[0], WSUV_TEXT, "one", 3);
  raw_expect_frame(&clients[0], WSUV_TEXT, "two", 3);
  raw_expect_close(&clients[0], 1001);
  raw_frame(&clients[1], WSUV_TEXT, "hi", 2);
  raw_expect_frame(&clients[1], WSUV_TEXT, "hi", 2);
  CHECK_SIZE(2, rig.last.remaining);
  CHECK_SIZE(1, rig.last.closing);
  loopback_close(&rig.lb);
  CHECK_SIZE(1, rig.ndone);
}

/* Those that end by themselves are gone, whoever's turn it is; the others need not wait for them. */
static void test_they_end_by_themselves(void **state) {
  struct rig rig;
  struct talker clients[6];
  size_t i;
  (void)state;

  open_all(&rig);
  for (i = 0; i < 6; i++)
    connect_pair(&rig.host, &clients[i]);
  rig.options.window_ms = FAR_MS;
  drain(&rig);
  RUN_UNTIL(&rig.lb, rig.last.ended == 1);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(clients[1].conn, 1000, NULL))); /* the next */
  RUN_UNTIL(&rig.lb, rig.last.ended == 2);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(clients[4].conn));
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.host.talkers[2]->conn)); /* the next, by the server */
  RUN_UNTIL(&rig.lb, rig.last.ended == 4);
  CHECK_SIZE(2, rig.last.remaining);
  CHECK_SIZE(0, rig.last.closing);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(clients[5].conn, 1000, NULL)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(clients[3].conn, 1000, NULL)));
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_SIZE(6, rig.last.ended);
  CHECK_SIZE(0, rig.last.terminated);
  run_to_end(&rig);
}

static void test_deadline(void **state) {
  struct rig rig;
  struct raw silent[3];
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  size_t i;
  (void)state;

  set_up(&rig);
  conn.close_timeout_ms = FAR_MS;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig.host, &options));
  for (i = 0; i < 3; i++)
    raw_open(&silent[i], &rig.host);
  rig.options.window_ms = WSUV_OFF;
  rig.options.deadline_ms = 60;
  drain(&rig);
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_TRUE(uv_now(&rig.lb.uv) - rig.start_ms >= 60);
  CHECK_SIZE(3, rig.last.terminated);
  CHECK_SIZE(3, rig.last.ended);
  for (i = 0; i < 3; i++) {
    raw_expect_close(&silent[i], 1001);
    CHECK_ERR(WSUV_ECANCELED, rig.host.talkers[i]->end.error);
  }
  run_to_end(&rig);
}

/* ---- who comes meanwhile ---- */

static void check_told(struct raw *raw, const char *retry_after) {
  RUN_UNTIL(raw->lb, raw_took_head(raw));
  CHECK_NOT_NULL(strstr(raw_text(raw), "HTTP/1.1 503 "));
  if (retry_after != NULL)
    CHECK_NOT_NULL(strstr(raw_text(raw), retry_after));
  else
    CHECK_NULL(strstr(raw_text(raw), "Retry-After"));
  raw_end(raw);
}

/* One is told at once, the other one never: the drain does not end by itself. */
static void open_two(struct rig *rig, struct talker *clients) {
  connect_pair(&rig->host, &clients[0]);
  connect_pair(&rig->host, &clients[1]);
  rig->options.window_ms = FAR_MS;
}

static void test_newcomers(void **state) {
  struct rig rig;
  struct talker clients[2];
  struct raw news[3];
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(1, NULL, 0);
  (void)state;

  open_all(&rig);
  open_two(&rig, clients);
  rig.options.retry_after_s = 77;
  CHECK_INT(0, given_open(&given, &peer, &rig.lb, GIVEN_TCP));
  raw_connect(&news[0], &rig.lb, rig.host.port);
  raw_say(&news[0], "GET / HT");
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 3);
  drain(&rig);
  CHECK_ERR(WSUV_EBUSY, CALL(&rig.lb, wsuv_server_adopt(rig.host.server, given.stream, &adopt)));
  raw_connect(&news[1], &rig.lb, rig.host.port);
  raw_say(&news[1], RAW_REQUEST);
  raw_connect(&news[2], &rig.lb, rig.host.port);
  raw_say(&news[2], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  check_told(&news[0], "Retry-After: 77\r\n");
  check_told(&news[1], "Retry-After: 77\r\n");
  check_told(&news[2], "Retry-After: 77\r\n");
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 1 && rig.last.ended == 2);
  CHECK_SIZE(3, rig.last.total); /* without the last two */
  CHECK_SIZE(4, rig.host.server->rejected[WSUV_REJECTED_STOPPING]);
  given_close(&given);

  /* The end of the drain is not that of its connections. */
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  CHECK_SIZE(0, rig.ndone);
  RUN_UNTIL(&rig.lb, rig.ndone == 1);
  CHECK_SIZE(1, rig.last.remaining);
  CHECK_ERR(0, talker_say(&clients[1], "still here"));
  RUN_UNTIL(&rig.lb, clients[1].n[EV_MESSAGE] == 1);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(clients[1].conn, 1000, NULL)));
  run_to_end(&rig);
}

static void test_no_retry_after(void **state) {
  struct rig rig;
  struct talker clients[2];
  struct raw raw;
  (void)state;

  open_all(&rig);
  open_two(&rig, clients);
  rig.options.retry_after_s = WSUV_OFF;
  drain(&rig);
  raw_connect(&raw, &rig.lb, rig.host.port);
  raw_say(&raw, RAW_REQUEST);
  check_told(&raw, NULL);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(clients[1].conn));
  run_to_end(&rig);
}

/* Newcomers that never end must not keep the drain from its end; they do keep the server. */
static void test_newcomer_stays(void **state) {
  struct rig rig;
  struct talker clients[2];
  struct raw raw;
  (void)state;

  open_all(&rig);
  open_two(&rig, clients);
  drain(&rig);
  raw_connect(&raw, &rig.lb, rig.host.port);
  raw_say(&raw, RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&raw) && rig.last.ended == 1);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(clients[1].conn));
  RUN_UNTIL(&rig.lb, rig.ndone == 1);
  CHECK_SIZE(2, rig.last.total);
  loopback_turn(&rig.lb);
  CHECK_INT(0, rig.host.nclosed);
  raw_close(&raw);
  run_to_end(&rig);
}

static void await_decision(struct rig *rig, struct raw *raw, const char *request) {
  set_up(rig);
  rig->host.on_upgrade = host_decide_late;
  rig->host.on_request = host_decide_late;
  CHECK_ERR(0, host_listen(&rig->host, NULL));
  raw_connect(raw, &rig->lb, rig->host.port);
  raw_say(raw, request);
  RUN_UNTIL(&rig->lb, rig->host.upgrade != NULL);
}

static void test_late_decisions(void **state) {
  struct rig rig;
  struct raw raw;
  (void)state;

  await_decision(&rig, &raw, RAW_REQUEST);
  drain(&rig);
  CHECK_ERR(WSUV_ECANCELED, CALL(&rig.lb, wsuv_upgrade_accept(rig.host.upgrade, NULL)));
  check_told(&raw, "Retry-After: 5\r\n");
  run_to_end(&rig);
  CHECK_SIZE(0, rig.host.ntalkers);

  await_decision(&rig, &raw, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  drain(&rig);
  check_told(&raw, "Retry-After: 5\r\n");
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_ERR(WSUV_ECANCELED,
            CALL(&rig.lb, wsuv_upgrade_reject(rig.host.upgrade, 200, NULL, 0, "page", 4)));
  run_to_end(&rig);
}

/* Accepted and not open yet: it opens, and is closed in its turn. */
static void test_accepted_just_before(void **state) {
  struct rig rig;
  struct raw raw;
  (void)state;

  await_decision(&rig, &raw, RAW_REQUEST);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_upgrade_accept(rig.host.upgrade, NULL)));
  drain(&rig);
  RUN_UNTIL(&rig.lb, raw_took_head(&raw));
  CHECK_NOT_NULL(strstr(raw_text(&raw), "HTTP/1.1 101 "));
  raw_expect_close(&raw, 1001);
  raw_close_frame(&raw, 1001, NULL);
  raw_end(&raw);
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_STR("oc", rig.host.talkers[0]->log);
  run_to_end(&rig);
}

/* ---- from inside of callbacks ---- */

static void drain_inside(struct rig *rig) {
  rig->lb.in_call++;
  CHECK_ERR(0, wsuv_server_drain(rig->host.server, &rig->options));
  rig->lb.in_call--;
}

static void drain_on_message(struct talker *t, enum event event) {
  if (t->host != NULL && event == EV_MESSAGE)
    drain_inside(current);
}

static void drain_on_open(struct talker *t, enum event event) {
  if (t->host != NULL && event == EV_OPEN && t->host->ntalkers == 2)
    drain_inside(current);
}

static void drain_on_close(struct talker *t, enum event event) {
  if (t->host != NULL && event == EV_CLOSE && t->host->server->state == SERVER_RUNNING)
    drain_inside(current);
}

struct place_row {
  const char *name;
  void (*on_event)(struct talker *t, enum event event);
  size_t total;
};

static const struct place_row places[] = {
    {"drained in on_message", drain_on_message, 2},
    {"drained in on_open", drain_on_open, 2},
    {"drained in on_close", drain_on_close, 2},
};

static void test_place(const void *arg) {
  const struct place_row *row = arg;
  struct rig rig;
  struct talker clients[2];
  size_t i;

  set_up(&rig);
  rig.host.on_event = row->on_event;
  rig.options.window_ms = 40;
  CHECK_ERR(0, host_listen(&rig.host, NULL));
  for (i = 0; i < 2; i++) {
    talker_init(&clients[i], &rig.lb);
    CHECK_ERR(0, talker_connect(&clients[i], &rig.host, NULL));
    RUN_UNTIL(&rig.lb, clients[i].n[EV_OPEN] == 1);
  }
  if (row->on_event == drain_on_message)
    CHECK_ERR(0, talker_say(&clients[0], "stop"));
  else if (row->on_event == drain_on_close)
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(clients[0].conn, 1000, NULL)));
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  CHECK_SIZE(row->total, rig.last.total);
  CHECK_INT(1001, clients[1].end.code);
  run_to_end(&rig);
}

static void drain_on_upgrade(struct host *host, wsuv_upgrade_t *upgrade) {
  host_decide_late(host, upgrade);
  drain_inside(current);
  CHECK_ERR(WSUV_ECANCELED, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
}

static void test_on_upgrade(void **state) {
  struct rig rig;
  struct raw raw;
  (void)state;

  set_up(&rig);
  rig.host.on_upgrade = drain_on_upgrade;
  CHECK_ERR(0, host_listen(&rig.host, NULL));
  raw_connect(&raw, &rig.lb, rig.host.port);
  raw_say(&raw, RAW_REQUEST);
  check_told(&raw, "Retry-After: 5\r\n");
  run_to_end(&rig);
}

static void again_in_cb(struct rig *rig) {
  CHECK_ERR(WSUV_ESTATE, CALL(&rig->lb, wsuv_server_drain(rig->host.server, NULL)));
}

static void close_in_cb(struct rig *rig) {
  CALL_VOID(&rig->lb, wsuv_server_close(rig->host.server));
}

static void terminate_one(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_terminate(conn);
}

static void terminate_in_cb(struct rig *rig) {
  CALL_VOID(&rig->lb, wsuv_server_each(rig->host.server, terminate_one, NULL));
}

static void loop_close_in_cb(struct rig *rig) {
  loopback_end(&rig->lb);
}

static void loop_close_in_last_cb(struct rig *rig) {
  if (rig->last.done)
    loopback_end(&rig->lb);
}

struct deed_row {
  const char *name;
  void (*on_report)(struct rig *rig);
  int lives_on;
};

static const struct deed_row deeds[] = {
    {"drain in the callback", again_in_cb, 0},
    {"wsuv_server_close in the callback", close_in_cb, 1},
    {"terminate all in the callback", terminate_in_cb, 0},
    {"wsuv_loop_close in the callback", loop_close_in_cb, 0},
    {"wsuv_loop_close in the last callback", loop_close_in_last_cb, 0},
};

static void test_deed(const void *arg) {
  const struct deed_row *row = arg;
  struct rig rig;
  struct talker clients[4];
  size_t i;

  open_all(&rig);
  for (i = 0; i < 4; i++)
    connect_pair(&rig.host, &clients[i]);
  rig.options.window_ms = 60;
  rig.on_report = row->on_report;
  drain(&rig);
  if (row->lives_on) {
    RUN_UNTIL(&rig.lb, rig.ndone == 1);
    for (i = 0; i < 4; i++)
      if (clients[i].conn != NULL)
        CALL_VOID(&rig.lb, wsuv_conn_terminate(clients[i].conn));
  }
  run_to_end(&rig);
}

/* ---- ends from outside ---- */

static void test_loop_close(void **state) {
  int early;
  (void)state;

  for (early = 0; early < 2; early++) {
    struct rig rig;
    struct talker clients[2];

    open_all(&rig);
    open_two(&rig, clients);
    drain(&rig);
    if (!early)
      RUN_UNTIL(&rig.lb, rig.last.ended == 1);
    loopback_end(&rig.lb);
    CHECK_SIZE(0, rig.ndone);
    run_to_end(&rig);
  }
}

static void test_closed_before(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_all(&rig);
  connect_pair(&rig.host, &client);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_server_drain(rig.host.server, &rig.options)));
  loopback_close(&rig.lb);
  CHECK_SIZE(0, rig.nreports);
}

static int try_options(struct rig *rig) {
  return CALL(&rig->lb, wsuv_server_drain(rig->host.server, &rig->options));
}

static void test_bad_options(void **state) {
  char reason[125];
  struct rig rig;
  (void)state;

  open_all(&rig);
  memset(reason, 'a', sizeof reason - 1);
  reason[sizeof reason - 1] = '\0';
  rig.options.reason = reason; /* 124 */
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.reason = "\xff";
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.reason = NULL;
  rig.options.code = 1006;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.code = -1;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.code = 0;
  rig.options.window_ms = -2;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.window_ms = 0;
  rig.options.deadline_ms = -2;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.deadline_ms = 0;
  rig.options.retry_after_s = -2;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.retry_after_s = 86401;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.retry_after_s = 86400;
  rig.options.size--;
  CHECK_ERR(WSUV_EINVAL, try_options(&rig));
  rig.options.size++;
  CHECK_INT(SERVER_RUNNING, rig.host.server->state);
  reason[123] = '\0';
  rig.options.reason = reason;
  CHECK_ERR(0, try_options(&rig));
  memset(reason, 0, sizeof reason); /* it was copied */
  CHECK_SIZE(123, strlen(rig.host.server->drain.reason));
  run_to_end(&rig);
}

/* Whatever cannot be allocated: all of them end, and the server. */
static void test_without_memory(void **state) {
  size_t n;
  int has_failed = 1;
  (void)state;

  for (n = 1; has_failed; n++) {
    struct rig rig;
    struct talker clients[3];
    struct raw raw;
    size_t i;

    open_all(&rig);
    for (i = 0; i < 3; i++)
      connect_pair(&rig.host, &clients[i]);
    raw_connect(&raw, &rig.lb, rig.host.port);
    raw_say(&raw, "GET / HT");
    RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 4);
    rig.options.window_ms = WSUV_OFF;
    failing_alloc_fail_once(&rig.lb.fa, n);
    drain(&rig);
    RUN_UNTIL(&rig.lb, raw_took_head(&raw) || raw.eof || raw.error != 0);
    raw_close(&raw);
    RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
    CHECK_SIZE(4, rig.last.ended);
    has_failed = failing_alloc_has_failed(&rig.lb.fa);
    run_to_end(&rig);
  }
  CHECK_TRUE(n > 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spread),           cmocka_unit_test(test_at_once),
      cmocka_unit_test(test_nobody),           cmocka_unit_test(test_keeps_the_loop),
      cmocka_unit_test(test_behind_the_queue), cmocka_unit_test(test_they_end_by_themselves),
      cmocka_unit_test(test_deadline),         cmocka_unit_test(test_newcomers),
      cmocka_unit_test(test_no_retry_after),   cmocka_unit_test(test_newcomer_stays),
      cmocka_unit_test(test_late_decisions),   cmocka_unit_test(test_accepted_just_before),
      cmocka_unit_test(test_on_upgrade),       cmocka_unit_test(test_loop_close),
      cmocka_unit_test(test_closed_before),    cmocka_unit_test(test_bad_options),
      cmocka_unit_test(test_without_memory),
  };
  int failures = CHECK_RUN_TABLE("places", places, test_place);

  failures += CHECK_RUN_TABLE("deeds", deeds, test_deed);
  failures += cmocka_run_group_tests_name("drain", tests, NULL, NULL);
  return failures;
}
