/* Topics over real sockets: who is there, what they get and in which order, and everybody leaving at any moment. */
#include "wsuv/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"
#include "wsuv/adopt.h"
#include "wsuv/deflate.h"
#include "wsuv/extension.h"

#define NCLIENTS 4

/* Server connections subscribe to "news" when they open. */
struct rig {
  struct loopback lb;
  struct host host;
  struct talker clients[NCLIENTS];
  struct raw raw;
  wsuv_deflate_t *deflate;
  const wsuv_extension_t *extension; /* of both sides, or NULL */
  wsuv_conn_options_t conn;
  int64_t max_subscriptions;
};

static void subscribe_at_open(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "news")));
}

static const wsuv_conn_options_t conn_presets = WSUV_CONN_OPTIONS_INIT;

static void rig_open(struct rig *rig) {
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = subscribe_at_open;
  rig->conn = conn_presets;
}

static void rig_listen(struct rig *rig) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  options.conn = &rig->conn;
  options.max_subscriptions = rig->max_subscriptions;
  options.extensions = &rig->extension;
  options.nextensions = rig->extension != NULL;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void rig_connect(struct rig *rig, int i) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  size_t before = rig->host.ntalkers;

  options.extensions = &rig->extension;
  options.nextensions = rig->extension != NULL;
  talker_init(&rig->clients[i], &rig->lb);
  CHECK_ERR(0, talker_connect(&rig->clients[i], &rig->host, &options));
  RUN_UNTIL(&rig->lb, rig->clients[i].n[EV_OPEN] == 1 && rig->host.ntalkers == before + 1);
}

static void rig_start(struct rig *rig) {
  int i;

  rig_listen(rig);
  for (i = 0; i < NCLIENTS; i++)
    rig_connect(rig, i);
}

static void rig_open_all(struct rig *rig) {
  rig_open(rig);
  rig_start(rig);
}

static void rig_close(struct rig *rig) {
  loopback_end(&rig->lb);
  RUN_UNTIL(&rig->lb, rig->lb.loop_closed);
  wsuv_deflate_free(rig->deflate);
  loopback_close(&rig->lb);
}

/* The server's side of client i. */
static wsuv_conn_t *side(struct rig *rig, int i) {
  return rig->host.talkers[i]->conn;
}

static size_t present(struct rig *rig) {
  return rig->host.server != NULL ? wsuv_server_nsubscribers(rig->host.server, "news") : 0;
}

static wsuv_published_t publish(struct rig *rig, const char *text) {
  wsuv_published_t out;

  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_publish(rig->host.server, "news", WSUV_TEXT, text,
                                                  strlen(text), NULL, &out)));
  return out;
}

/* ---- names and limits ---- */

static void names(void **state) {
  char longest[WSUV_TOPIC_MAX + 2];
  struct rig rig;
  wsuv_conn_t *conn;
  (void)state;

  rig_open_all(&rig);
  conn = side(&rig, 0);
  memset(longest, 'x', sizeof longest);
  longest[WSUV_TOPIC_MAX + 1] = '\0';
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_subscribe(conn, longest)));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_unsubscribe(conn, longest)));
  CHECK_SIZE(0, wsuv_server_nsubscribers(rig.host.server, longest));
  longest[WSUV_TOPIC_MAX] = '\0';
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(conn, longest)));
  CHECK_SIZE(1, wsuv_server_nsubscribers(rig.host.server, longest));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_subscribe(conn, "")));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_subscribe(conn, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_unsubscribe(conn, NULL)));
  CHECK_FALSE(wsuv_conn_is_subscribed(conn, NULL));
  CHECK_SIZE(0, wsuv_server_nsubscribers(rig.host.server, ""));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(conn, "\xff\x01 *#+/")));
  CHECK_FALSE(wsuv_conn_is_subscribed(conn, "\xff"));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(conn, "news")));
  CHECK_SIZE(3, wsuv_conn_nsubscriptions(conn));
  CHECK_SIZE(3, wsuv_server_ntopics(rig.host.server));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(conn, "\xff\x01 *#+/")));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(conn, "\xff\x01 *#+/")));
  CHECK_SIZE(2, wsuv_server_ntopics(rig.host.server));
  CHECK_SIZE(4, present(&rig));
  rig_close(&rig);
}

static void a_client_has_no_topics(void **state) {
  struct rig rig;
  wsuv_conn_t *conn;
  (void)state;

  rig_open_all(&rig);
  conn = rig.clients[0].conn;
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_subscribe(conn, "news")));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(conn, "news")));
  CALL_VOID(&rig.lb, wsuv_conn_unsubscribe_all(conn));
  CHECK_SIZE(0, wsuv_conn_nsubscriptions(conn));
  CHECK_FALSE(wsuv_conn_is_subscribed(conn, "news"));
  rig_close(&rig);
}

static void subscribe_to_three(struct talker *t, enum event event) {
  int most = (int)(intptr_t)t->host->arg;

  if (event != EV_OPEN)
    return;
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "a")));
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "b")));
  CHECK_ERR(most > 2 ? 0 : WSUV_ESUBSCRIPTIONS, CALL(t->lb, wsuv_conn_subscribe(t->conn, "c")));
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "b")));
  CHECK_SIZE(most > 2 ? 3 : 2, wsuv_conn_nsubscriptions(t->conn));
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_unsubscribe(t->conn, "a")));
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "c")));
}

static void max_subscriptions(void **state) {
  struct rig rig;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  int most;
  (void)state;

  for (most = 2; most <= 3; most++) {
    rig_open(&rig);
    rig.host.on_event = subscribe_to_three;
    rig.host.arg = (void *)(intptr_t)most;
    rig.max_subscriptions = most;
    rig_listen(&rig);
    rig_connect(&rig, 0);
    CHECK_SIZE(2, wsuv_server_ntopics(rig.host.server));
    rig_close(&rig);
  }
  rig_open(&rig);
  options.max_subscriptions = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &options));
  rig_close(&rig);
}

/* The default, and none. */
static void subscribe_to_many(struct talker *t, enum event event) {
  int is_off = t->host->arg != NULL;
  char name[16];
  int i;

  for (i = 0; event == EV_OPEN && i < 1030; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    CHECK_ERR(i < 1024 || is_off ? 0 : WSUV_ESUBSCRIPTIONS,
              CALL(t->lb, wsuv_conn_subscribe(t->conn, name)));
  }
}

static void max_subscriptions_off(void **state) {
  struct rig rig;
  int off;
  (void)state;

  for (off = 0; off < 2; off++) {
    rig_open(&rig);
    rig.host.on_event = subscribe_to_many;
    rig.host.arg = off ? &rig : NULL;
    rig.max_subscriptions = off ? WSUV_OFF : 0;
    rig_listen(&rig);
    rig_connect(&rig, 0);
    CHECK_SIZE(off ? 1030 : 1024, wsuv_server_ntopics(rig.host.server));
    rig_close(&rig);
  }
}

/* ---- presence ---- */

static void gone_in_on_close(struct talker *t, enum event event) {
  subscribe_at_open(t, event);
  if (event != EV_CLOSE)
    return;
  CHECK_SIZE(0, wsuv_conn_nsubscriptions(t->conn));
  CHECK_FALSE(wsuv_conn_is_subscribed(t->conn, "news"));
  CHECK_ERR(WSUV_ESTATE, CALL(t->lb, wsuv_conn_subscribe(t->conn, "news")));
}

/* Each of the ways out of OPEN, and the very call is the end. */
static void presence(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig.host.on_event = gone_in_on_close;
  rig_listen(&rig);
  CHECK_SIZE(0, wsuv_server_ntopics(rig.host.server));
  rig_connect(&rig, 0);
  rig_connect(&rig, 1);
  rig_connect(&rig, 2);
  raw_open(&rig.raw, &rig.host);
  CHECK_SIZE(4, present(&rig));
  CHECK_SIZE(1, wsuv_server_ntopics(rig.host.server));

  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(side(&rig, 0), 0, NULL)));
  CHECK_SIZE(3, present(&rig));
  CHECK_SIZE(0, wsuv_conn_nsubscriptions(side(&rig, 0)));
  CHECK_INT(WSUV_STATE_CLOSING_HANDSHAKE, wsuv_conn_state(side(&rig, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_subscribe(side(&rig, 0), "news")));

  CALL_VOID(&rig.lb, wsuv_conn_terminate(side(&rig, 1)));
  CHECK_SIZE(2, present(&rig));

  raw_close_frame(&rig.raw, 1000, "");
  RUN_UNTIL(&rig.lb, wsuv_conn_state(side(&rig, 3)) > WSUV_STATE_OPEN);
  CHECK_SIZE(1, present(&rig));

  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.clients[2].conn));
  RUN_UNTIL(&rig.lb, rig.host.talkers[2]->n[EV_CLOSE] == 1);
  CHECK_SIZE(0, present(&rig));
  CHECK_SIZE(0, wsuv_server_ntopics(rig.host.server));
  rig_close(&rig);
}

static void fault_ends_subscriptions(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  raw_open(&rig.raw, &rig.host);
  CHECK_SIZE(1, present(&rig));
  raw_send(&rig.raw, "\x81\x01x", 3); /* not masked */
  raw_expect_close(&rig.raw, 1002);
  CHECK_SIZE(0, present(&rig));
  CHECK_SIZE(0, publish(&rig, "to nobody").sent);
  rig_close(&rig);
}

/* The pump hands on a Close that was held back, then calls on_drain, which must not see its sender any more. */
static void nobody_in_on_drain(struct talker *t, enum event event) {
  subscribe_at_open(t, event);
  if (event != EV_DRAIN)
    return;
  CHECK_SIZE(0, wsuv_server_nsubscribers(t->host->server, "news"));
  CHECK_INT(WSUV_STATE_CLOSING_HANDSHAKE, wsuv_conn_state(t->conn));
}

static void held_close(void **state) {
  static char payload[4000];
  uint8_t frames[64];
  struct rig rig;
  size_t len;
  (void)state;

  rig_open(&rig);
  rig.host.on_event = nobody_in_on_drain;
  rig.conn.write_high_water = 1000;
  rig_listen(&rig);
  raw_open(&rig.raw, &rig.host);
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(side(&rig, 0)));
  len = frame_put(frames, WSUV_CLIENT, WSUV_PING, "p", 1);
  len += frame_put(frames + len, WSUV_CLIENT, WSUV_CLOSE, "\x03\xe8", 2);
  raw_send(&rig.raw, frames, len);
  raw_expect_frame(&rig.raw, WSUV_PONG, "p", 1);
  CHECK_SIZE(1, present(&rig));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(side(&rig, 0), payload, sizeof payload)));
  CALL_VOID(&rig.lb, wsuv_conn_read_start(side(&rig, 0)));
  raw_expect_frame(&rig.raw, WSUV_BINARY, payload, sizeof payload);
  raw_expect_close(&rig.raw, 1000);
  CHECK_SIZE(1, rig.host.talkers[0]->n[EV_DRAIN]);
  rig_close(&rig);
}

/* ---- publishing ---- */

static void judged(void **state) {
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  wsuv_published_t out = {9, 9, 9, 9, 9};
  wsuv_prepared_t *prepared;
  struct rig rig;
  wsuv_server_t *s;
  (void)state;

  rig_open_all(&rig);
  s = rig.host.server;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "", WSUV_TEXT, "x", 1, NULL, &out)));
  CHECK_SIZE(0, out.sent + out.refused + out.closed + out.failed);
  CHECK_INT(0, out.error);
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "news", 9, "x", 1, NULL, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "news", 1, NULL, 1, NULL, NULL)));
  CHECK_ERR(WSUV_EENCODING,
            CALL(&rig.lb, wsuv_server_publish(s, "news", 1, "\xff", 1, NULL, NULL)));
  o.flags = WSUV_SEND_FLUSH;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "news", 1, "x", 1, &o, NULL)));
  o.flags = 0;
  o.slow = (wsuv_slow_t)(WSUV_SLOW_CLOSE + 1);
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "news", 1, "x", 1, &o, NULL)));
  o.slow = WSUV_SLOW_DEFAULT;
  o.size--;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish(s, "news", 1, "x", 1, &o, NULL)));
  o.size++;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_server_publish_prepared(s, "news", NULL, NULL, NULL)));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_TEXT, "x", 1, 0));
  o.flags = WSUV_SEND_NO_COMPRESS;
  CHECK_ERR(WSUV_EINVAL,
            CALL(&rig.lb, wsuv_server_publish_prepared(s, "news", prepared, &o, NULL)));
  /* An opcode that nobody has claimed is everybody's failure. */
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(s, "news", 3, "x", 1, &o, &out)));
  CHECK_SIZE(4, out.failed);
  CHECK_ERR(WSUV_EINVAL, out.error);
  wsuv_prepared_free(prepared);
  rig_close(&rig);
}

/* Nothing is allocated for a topic that nobody listens to. */
static void to_nobody(void **state) {
  wsuv_published_t out;
  struct rig rig;
  size_t ncalls;
  (void)state;

  rig_open_all(&rig);
  ncalls = rig.lb.fa.ncalls;
  CHECK_ERR(
      0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "new", WSUV_TEXT, "x", 1, NULL, &out)));
  CHECK_SIZE(0, out.sent);
  CHECK_SIZE(ncalls, rig.lb.fa.ncalls);
  rig_close(&rig);
}

#define NPUBLISHED 500

/* Numbers in their order; messages of the connection's own between them. */
static void expects_numbers(struct talker *t, enum event event) {
  int number;

  if (event != EV_MESSAGE)
    return;
  number = atoi((const char *)t->payload);
  CHECK_INT((int)(intptr_t)t->arg, number);
  t->arg = (void *)(intptr_t)(number + 1);
}

static void order(void **state) {
  struct rig rig;
  char text[16];
  int i;
  (void)state;

  rig_open_all(&rig);
  for (i = 0; i < NCLIENTS; i++)
    rig.clients[i].on_event = expects_numbers;
  for (i = 0; i < NPUBLISHED; i++) {
    (void)snprintf(text, sizeof text, "%d", i);
    CHECK_SIZE(NCLIENTS, publish(&rig, text).sent);
    if (i % 7 == 0)
      (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  }
  for (i = 0; i < NCLIENTS; i++)
    RUN_UNTIL(&rig.lb, rig.clients[i].n[EV_MESSAGE] == NPUBLISHED);
  rig_close(&rig);
}

/* What a client says goes to all others. */
static void relay(struct talker *t, enum event event) {
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  wsuv_published_t out;

  subscribe_at_open(t, event);
  if (event != EV_MESSAGE)
    return;
  o.except = t->conn;
  CHECK_ERR(0, CALL(t->lb, wsuv_server_publish(t->host->server, "news", t->type, t->payload, t->len,
                                               &o, &out)));
  CHECK_SIZE(NCLIENTS - 1, out.sent);
}

static void except_the_sender(void **state) {
  struct rig rig;
  int i;
  (void)state;

  rig_open(&rig);
  rig.host.on_event = relay;
  rig_start(&rig);
  CHECK_ERR(0, talker_say(&rig.clients[0], "from 0"));
  for (i = 1; i < NCLIENTS; i++)
    RUN_UNTIL(&rig.lb, rig.clients[i].n[EV_MESSAGE] == 1);
  CHECK_ERR(0, talker_say(&rig.clients[1], "from 1"));
  RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == 1);
  CHECK_STR("from 1", (const char *)rig.clients[0].payload);
  CHECK_STR("from 0", (const char *)rig.clients[1].payload);
  rig_close(&rig);
}

/* on_open, on_message and on_close tell the others. */
static void tells_everything(struct talker *t, enum event event) {
  static const char *const words[NEVENTS] = {[EV_OPEN] = "came", [EV_CLOSE] = "went"};

  if (words[event] != NULL && t->host->server != NULL)
    CHECK_ERR(0, CALL(t->lb, wsuv_server_publish(t->host->server, "news", WSUV_TEXT, words[event],
                                                 4, NULL, NULL)));
  subscribe_at_open(t, event);
}

static void from_callbacks(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig.host.on_event = tells_everything;
  rig_listen(&rig);
  rig_connect(&rig, 0);
  rig_connect(&rig, 1);
  RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == 1);
  CHECK_STR("came", (const char *)rig.clients[0].payload);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.clients[1].conn));
  RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == 2);
  CHECK_STR("went", (const char *)rig.clients[0].payload);
  CHECK_SIZE(0, rig.clients[1].n[EV_MESSAGE]);
  rig_close(&rig);
}

/* ---- who cannot take it ---- */

static void slow_subscriber(void **state) {
  static char payload[50000];
  wsuv_published_t out;
  struct rig rig;
  unsigned n = 0;
  (void)state;

  rig_open(&rig);
  rig.conn.write_limit = 100000;
  rig_listen(&rig);
  raw_open(&rig.raw, &rig.host);
  raw_stop_reading(&rig.raw);
  rig_connect(&rig, 0);
  memset(payload, 'x', sizeof payload);
  do {
    CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_BINARY, payload,
                                                   sizeof payload, NULL, &out)));
    CHECK_SIZE(2, out.sent + out.refused);
    n++;
    RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == n);
  } while (out.refused == 0);
  CHECK_SIZE(1, out.refused);
  CHECK_INT(0, out.error);
  CHECK_SIZE(2, present(&rig));
  rig_close(&rig);
}

/* The write of what was published fails, and with it the connection. */
static void broken_subscriber(void **state) {
  static char payload[300000];
  wsuv_published_t out;
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  rig_connect(&rig, 0);
  raw_open(&rig.raw, &rig.host);
  rig_connect(&rig, 1);
  raw_reset(&rig.raw);
  CHECK_SIZE(3, present(&rig));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_BINARY, payload,
                                                 sizeof payload, NULL, &out)));
  CHECK_SIZE(3, out.sent + out.failed);
  RUN_UNTIL(&rig.lb, present(&rig) == 2);
  RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == 1 && rig.clients[1].n[EV_MESSAGE] == 1);
  rig_close(&rig);
}

static void amid_a_message(void **state) {
  wsuv_published_t out;
  struct rig rig;
  (void)state;

  rig_open_all(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_begin(side(&rig, 1), WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_chunk(side(&rig, 1), "a", 1, 0)));
  out = publish(&rig, "x");
  CHECK_SIZE(3, out.sent);
  CHECK_SIZE(1, out.failed);
  CHECK_ERR(WSUV_ESTATE, out.error);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_end(side(&rig, 1), "b", 1)));
  CHECK_SIZE(4, publish(&rig, "y").sent);
  RUN_UNTIL(&rig.lb, rig.clients[1].n[EV_MESSAGE] == 2);
  rig_close(&rig);
}

/* ---- visits and hooks that meddle ---- */

struct visit {
  const char *name;
  void (*act)(struct rig *rig, wsuv_conn_t *conn);
  unsigned nvisits;
  size_t left;         /* subscribers behind the walk */
  size_t nsent;        /* of a publication during which the first encoder does it */
  size_t left_of_that; /* subscribers behind it */
};

static struct rig *meddled;
static const struct visit *meddling; /* NULL: hooks and visits do nothing */
static unsigned nvisits;

static void go(struct rig *rig, wsuv_conn_t *conn) {
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_unsubscribe(conn, "news")));
}

static void close_self(struct rig *rig, wsuv_conn_t *conn) {
  (void)CALL(&rig->lb, wsuv_conn_close(conn, 0, NULL));
}

static void terminate_self(struct rig *rig, wsuv_conn_t *conn) {
  CALL_VOID(&rig->lb, wsuv_conn_terminate(conn));
}

static void for_others(struct rig *rig, wsuv_conn_t *conn,
                       void (*act)(struct rig *, wsuv_conn_t *)) {
  int i;

  for (i = 0; i < NCLIENTS; i++)
    if (side(rig, i) != conn)
      act(rig, side(rig, i));
}

static void others_go(struct rig *rig, wsuv_conn_t *conn) {
  for_others(rig, conn, go);
}

static void close_others(struct rig *rig, wsuv_conn_t *conn) {
  for_others(rig, conn, close_self);
}

static void terminate_all(struct rig *rig, wsuv_conn_t *conn) {
  (void)conn;
  for_others(rig, NULL, terminate_self);
}

static void come_back(struct rig *rig, wsuv_conn_t *conn) {
  go(rig, conn);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_subscribe(conn, "news")));
}

static void all_come_back(struct rig *rig, wsuv_conn_t *conn) {
  (void)conn;
  for_others(rig, NULL, go);
  CHECK_SIZE(0, wsuv_server_ntopics(rig->host.server));
  for_others(rig, NULL, come_back);
}

static void end_loop(struct rig *rig, wsuv_conn_t *conn) {
  (void)conn;
  loopback_end(&rig->lb);
}

/* From a visit it goes to all; amid a publication on the topic it is refused, on another one it is not. */
static void publish_again(struct rig *rig, wsuv_conn_t *conn) {
  int err = CALL(&rig->lb,
                 wsuv_server_publish(rig->host.server, "news", WSUV_TEXT, "again", 5, NULL, NULL));
  (void)conn;
  CHECK_ERR(conn != NULL ? 0 : WSUV_ESTATE, err);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_publish(rig->host.server, "other", WSUV_TEXT, "again", 5,
                                                  NULL, NULL)));
}

/* A message for a connection that is terminated while it is encoded counts as queued. */
static const struct visit visits[] = {
    {"each unsubscribes", go, 4, 0, 4, 3},
    {"each closes", close_self, 4, 0, 3, 3},
    {"each terminates", terminate_self, 4, 0, 4, 3},
    {"the others unsubscribe", others_go, 1, 1, 1, 1},
    {"the others close", close_others, 1, 1, 1, 1},
    {"all terminate", terminate_all, 1, 0, 1, 0},
    {"each comes back", come_back, 4, 4, 4, 4},
    {"all come back", all_come_back, 1, 4, 1, 4},
    {"the loop is closed", end_loop, 1, 0, 1, 0},
    {"publish", publish_again, 4, 4, 4, 4},
};

static void visit(wsuv_conn_t *conn, void *arg) {
  CHECK_PTR(&nvisits, arg);
  CHECK_TRUE(wsuv_conn_is_subscribed(conn, "news"));
  nvisits++;
  meddling->act(meddled, conn);
}

static void run_visit(const void *given) {
  struct rig rig;

  rig_open_all(&rig);
  nvisits = 0;
  meddled = &rig;
  meddling = given;
  CALL_VOID(&rig.lb, wsuv_server_each_subscriber(rig.host.server, "news", visit, &nvisits));
  CHECK_INT((int)meddling->nvisits, (int)nvisits);
  CHECK_SIZE(meddling->left, present(&rig));
  meddling = NULL;
  rig_close(&rig);
}

/* An extension of all messages that leaves them as they are and meddles in the first. */
static int meddle(void *session, wsuv_extension_step_t *step) {
  const struct visit *row = meddling;
  (void)session;
  (void)step;
  meddling = NULL;
  /* The newest is sent to first. */
  if (row != NULL)
    row->act(meddled, row->act == publish_again ? NULL : side(meddled, NCLIENTS - 1));
  return WSUV_STEP_PASS;
}

static const wsuv_extension_t meddler = {
    .size = sizeof meddler, .token = "meddler", .encode = meddle};

static void run_hook(const void *given) {
  const struct visit *row = given;
  wsuv_published_t out;
  struct rig rig;

  rig_open(&rig);
  rig.extension = &meddler;
  rig_start(&rig);
  meddled = &rig;
  meddling = row;
  out = publish(&rig, "x");
  CHECK_NULL(meddling);
  CHECK_SIZE(row->nsent, out.sent);
  CHECK_SIZE(row->left_of_that, present(&rig));
  rig_close(&rig);
}

/* Who sends takes what waits before: that is the midst of a publication as well. */
static void amid_what_waited(void **state) {
  static const struct visit again = {.act = publish_again};
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig.extension = &meddler;
  rig_start(&rig);
  meddled = &rig;
  CHECK_ERR(0, CALL(&rig.lb,
                    wsuv_server_publish(rig.host.server, "news", WSUV_TEXT, "x", 1, NULL, NULL)));
  meddling = &again;
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(side(&rig, 1), "own", 3)));
  CHECK_NULL(meddling);
  rig_close(&rig);
}

/* An encoder that fails has the connection closed, and that counts at once. */
static int fail_to_encode(void *session, wsuv_extension_step_t *step) {
  int err = meddled != NULL ? WSUV_EINVAL : WSUV_STEP_PASS;
  (void)session;
  (void)step;
  meddled = NULL;
  return err;
}

static void failing_encoder(void **state) {
  static const wsuv_extension_t failing = {
      .size = sizeof failing, .token = "failing", .encode = fail_to_encode};
  wsuv_published_t out;
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig.extension = &failing;
  rig_start(&rig);
  meddled = &rig;
  out = publish(&rig, "x");
  CHECK_SIZE(NCLIENTS - 1, out.sent);
  CHECK_SIZE(1, out.failed);
  CHECK_ERR(WSUV_EINVAL, out.error);
  CHECK_SIZE(NCLIENTS - 1, present(&rig));
  RUN_UNTIL(&rig.lb, rig.clients[NCLIENTS - 1].n[EV_CLOSE] == 1);
  CHECK_INT(1011, rig.clients[NCLIENTS - 1].end.code);
  rig_close(&rig);
}

static void each_of_nobody(void **state) {
  struct rig rig;
  (void)state;

  rig_open_all(&rig);
  CALL_VOID(&rig.lb, wsuv_server_each_subscriber(rig.host.server, "new", visit, NULL));
  CALL_VOID(&rig.lb, wsuv_server_each_subscriber(rig.host.server, "", visit, NULL));
  rig_close(&rig);
}

/* ---- compressed once ---- */

static void compressed_once(void **state) {
  wsuv_deflate_options_t o = WSUV_DEFLATE_SHARED_INIT;
  static char text[5000];
  wsuv_prepared_t *prepared;
  wsuv_published_t out;
  struct rig rig;
  int i;
  (void)state;

  rig_open(&rig);
  o.allocator = &rig.lb.fa.allocator;
  if (wsuv_deflate_new(&rig.deflate, &o) == WSUV_ENODEFLATE) {
    rig_close(&rig);
    skip();
  }
  rig.extension = wsuv_deflate_extension(rig.deflate);
  rig_start(&rig);
  memset(text, 'x', sizeof text);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_TEXT, text, sizeof text, 0));
  for (i = 0; i < 3; i++) {
    CHECK_ERR(0, CALL(&rig.lb,
                      wsuv_server_publish_prepared(rig.host.server, "news", prepared, NULL, &out)));
    CHECK_SIZE(NCLIENTS, out.sent);
    CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  }
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_TEXT, text,
                                                 sizeof text, NULL, &out)));
  for (i = 0; i < NCLIENTS; i++) {
    RUN_UNTIL(&rig.lb, rig.clients[i].n[EV_MESSAGE] == 4);
    CHECK_BYTES(text, sizeof text, rig.clients[i].payload, rig.clients[i].len);
    CHECK_SIZE(4 * sizeof text, rig.clients[i].received);
  }
  rig_close(&rig);
}

/* ---- many ---- */

#define NTOPICS 1000
#define NCONNS  20
#define NSTEPS  20000

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static void come_or_go(struct rig *rig, char is_in[NCONNS][NTOPICS], uint32_t *random) {
  unsigned c = next_random(random) % NCONNS;
  unsigned t = next_random(random) % NTOPICS;
  wsuv_conn_t *conn = side(rig, (int)c);
  char name[16];

  (void)snprintf(name, sizeof name, "topic %u", t);
  CHECK_INT(is_in[c][t], wsuv_conn_is_subscribed(conn, name));
  if (next_random(random) % 2 == 0)
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_subscribe(conn, name)));
  else
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_unsubscribe(conn, name)));
  is_in[c][t] = (char)wsuv_conn_is_subscribed(conn, name);
}

static void compare(struct rig *rig, char is_in[NCONNS][NTOPICS]) {
  size_t ntopics = 0;
  char name[16];
  int c, t;

  for (t = 0; t < NTOPICS; t++) {
    size_t n = 0;
    for (c = 0; c < NCONNS; c++)
      n += is_in[c][t] != 0;
    (void)snprintf(name, sizeof name, "topic %d", t);
    CHECK_SIZE(n, wsuv_server_nsubscribers(rig->host.server, name));
    ntopics += n > 0;
  }
  CHECK_SIZE(ntopics, wsuv_server_ntopics(rig->host.server));
  for (c = 0; c < NCONNS; c++) {
    size_t n = 0;
    for (t = 0; t < NTOPICS; t++)
      n += is_in[c][t] != 0;
    CHECK_SIZE(n, wsuv_conn_nsubscriptions(side(rig, c)));
  }
}

static void churn(void **state) {
  static char is_in[NCONNS][NTOPICS];
  static struct talker clients[NCONNS];
  uint32_t random = 1;
  struct rig rig;
  int i;
  (void)state;

  rig_open(&rig);
  rig.host.on_event = NULL;
  rig_listen(&rig);
  for (i = 0; i < NCONNS; i++)
    connect_pair(&rig.host, &clients[i]);
  for (i = 0; i < NSTEPS; i++)
    come_or_go(&rig, is_in, &random);
  compare(&rig, is_in);
  for (i = 0; i < NCONNS; i += 2) {
    CALL_VOID(&rig.lb, wsuv_conn_unsubscribe_all(side(&rig, i)));
    memset(is_in[i], 0, sizeof is_in[i]);
  }
  compare(&rig, is_in);
  for (i = 1; i < NCONNS; i += 2) {
    CALL_VOID(&rig.lb, wsuv_conn_terminate(side(&rig, i)));
    memset(is_in[i], 0, sizeof is_in[i]);
  }
  compare(&rig, is_in);
  CHECK_SIZE(0, wsuv_server_ntopics(rig.host.server));
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(amid_what_waited),
      cmocka_unit_test(names),
      cmocka_unit_test(a_client_has_no_topics),
      cmocka_unit_test(max_subscriptions),
      cmocka_unit_test(max_subscriptions_off),
      cmocka_unit_test(presence),
      cmocka_unit_test(fault_ends_subscriptions),
      cmocka_unit_test(held_close),
      cmocka_unit_test(judged),
      cmocka_unit_test(to_nobody),
      cmocka_unit_test(order),
      cmocka_unit_test(except_the_sender),
      cmocka_unit_test(from_callbacks),
      cmocka_unit_test(slow_subscriber),
      cmocka_unit_test(broken_subscriber),
      cmocka_unit_test(amid_a_message),
      cmocka_unit_test(failing_encoder),
      cmocka_unit_test(each_of_nobody),
      cmocka_unit_test(compressed_once),
      cmocka_unit_test(churn),
  };

  return CHECK_RUN_TABLE("visits", visits, run_visit) + CHECK_RUN_TABLE("hooks", visits, run_hook) +
         cmocka_run_group_tests_name("topics", tests, NULL, NULL);
}
