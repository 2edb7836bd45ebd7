/* Calls from every callback, over TLS: a table of (callback, call), each row a test. What must hold is what the fixture checks:
 * no callback inside a call, one on_close and that last, nothing left at the end. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_loopback.h"

struct scene;

struct place {
  const char *name;
  int server_side;
  int event; /* enum event, or this */
};
enum { ON_UPGRADE = NEVENTS };

static const struct place places[] = {
    {"client on_open", 0, EV_OPEN},       {"server on_open", 1, EV_OPEN},
    {"client on_message", 0, EV_MESSAGE}, {"server on_message", 1, EV_MESSAGE},
    {"client on_ping", 0, EV_PING},       {"server on_ping", 1, EV_PING},
    {"client on_pong", 0, EV_PONG},       {"server on_pong", 1, EV_PONG},
    {"client on_drain", 0, EV_DRAIN},     {"server on_drain", 1, EV_DRAIN},
    {"client send cb", 0, EV_SENT},       {"server send cb", 1, EV_SENT},
    {"client on_close", 0, EV_CLOSE},     {"server on_close", 1, EV_CLOSE},
    {"on_upgrade", 1, ON_UPGRADE},
};
#define NPLACES (sizeof places / sizeof places[0])

/* `conn` is NULL where there is none. */
typedef void (*act_fn)(struct scene *s, wsuv_conn_t *conn);

struct scene {
  struct tls_rig rig; /* first */
  struct talker extra;
  const struct place *place;
  act_fn act;
  int acted;
  int nreqs; /* requests not yet called back */
};

static struct scene *scene; /* the one that plays */

/* ---- the calls ---- */

static void on_sent(wsuv_send_t *req, int status) {
  struct talker *t = req->data;

  CHECK_TRUE(status == 0 || status == WSUV_ECANCELED);
  free(req);
  scene->nreqs--;
  talker_note(t, EV_SENT);
}

static void send_request(struct talker *t) {
  static const char payload[40000] = "request";
  wsuv_send_t *req = malloc(sizeof *req);

  CHECK_NOT_NULL(req);
  req->data = t;
  scene->nreqs++;
  if (CALL(t->lb, wsuv_conn_send(t->conn, req, WSUV_BINARY, payload, sizeof payload, 0, on_sent)) ==
      0)
    return;
  free(req);
  scene->nreqs--;
}

static void act_send(struct scene *s, wsuv_conn_t *conn) {
  static const char large[300000] = "large";

  if (conn == NULL)
    return;
  (void)CALL(&s->rig.lb, wsuv_conn_send_text(conn, "x", 1));
  (void)CALL(&s->rig.lb, wsuv_conn_send_binary(conn, large, sizeof large));
  (void)CALL(&s->rig.lb, wsuv_conn_ping(conn, "p", 1));
}

static void act_close(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    (void)CALL(&s->rig.lb, wsuv_conn_close(conn, 1000, "act"));
}

static void act_terminate(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(&s->rig.lb, wsuv_conn_terminate(conn));
}

static void act_send_and_terminate(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_terminate(s, conn);
}

static void act_send_and_close(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_close(s, conn);
}

static void act_read_stop(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(&s->rig.lb, wsuv_conn_read_stop(conn));
}

static void act_read_stop_start(struct scene *s, wsuv_conn_t *conn) {
  act_read_stop(s, conn);
  if (conn != NULL)
    CALL_VOID(&s->rig.lb, wsuv_conn_read_start(conn));
}

static void act_loop_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  loopback_end(&s->rig.lb);
}

static void act_server_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->rig.host.host.server != NULL)
    CALL_VOID(&s->rig.lb, wsuv_server_close(s->rig.host.host.server));
}

static void act_terminate_other(struct scene *s, wsuv_conn_t *conn) {
  struct host *host = &s->rig.host.host;
  struct talker *server = host->ntalkers > 0 ? host->talkers[0] : NULL;

  if (s->rig.client.conn != NULL && s->rig.client.conn != conn)
    CALL_VOID(&s->rig.lb, wsuv_conn_terminate(s->rig.client.conn));
  if (server != NULL && server->conn != NULL && server->conn != conn)
    CALL_VOID(&s->rig.lb, wsuv_conn_terminate(server->conn));
}

static void act_connect(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->rig.lb.loop != NULL)
    CHECK_ERR(0, rig_connect_as(&s->rig, &s->extra));
}

static void act_reload(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  party_reload(&s->rig.server_side, s->rig.server_tls);
  party_reload(&s->rig.client_side, s->rig.client_tls);
}

static void act_ask(struct scene *s, wsuv_conn_t *conn) {
  wsuv_tls_info_t info;
  char text[200];

  if (conn == NULL)
    return;
  (void)s;
  CHECK_ERR(0, wsuv_conn_tls(conn, &info));
  (void)wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_ALT_NAMES, text, sizeof text);
  (void)wsuv_conn_queued(conn);
  (void)wsuv_conn_peer(conn, text, sizeof text);
}

static const struct {
  const char *name;
  act_fn act;
} acts[] = {
    {"send", act_send},
    {"close", act_close},
    {"terminate", act_terminate},
    {"send and terminate", act_send_and_terminate},
    {"send and close", act_send_and_close},
    {"read_stop", act_read_stop},
    {"read_stop and start", act_read_stop_start},
    {"loop_close", act_loop_close},
    {"server_close", act_server_close},
    {"terminate the other side", act_terminate_other},
    {"connect", act_connect},
    {"reload", act_reload},
    {"ask", act_ask},
};
#define NACTS (sizeof acts / sizeof acts[0])

/* ---- the play: both sides hear everything once, then the client closes ---- */

static void act_at(int server_side, int event, wsuv_conn_t *conn) {
  if (scene->acted || scene->place->event != event || scene->place->server_side != server_side)
    return;
  scene->acted = 1;
  scene->act(scene, conn);
}

static void begin(struct talker *t) {
  (void)talker_say(t, "hello");
  (void)CALL(t->lb, wsuv_conn_ping(t->conn, "p", 1));
  send_request(t);
}

static void client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    begin(t);
  act_at(0, (int)event, t->conn);
  if (t->n[EV_MESSAGE] >= 2 && t->n[EV_PONG] > 0 && t->n[EV_PING] > 0 && t->n[EV_CLOSE] == 0)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
}

static void server_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    begin(t);
  act_at(1, (int)event, t->conn);
}

static void server_upgrades(struct host *host, wsuv_upgrade_t *upgrade) {
  int err;

  act_at(1, ON_UPGRADE, NULL);
  err = CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void start(struct scene *s, int version) {
  static wsuv_conn_options_t conn;
  static const wsuv_conn_options_t presets = WSUV_CONN_OPTIONS_INIT;

  conn = presets;
  conn.write_high_water = 1; /* on_drain after every message */
  rig_open(&s->rig);
  s->rig.host.host.on_event = server_hears;
  s->rig.host.host.on_upgrade = server_upgrades;
  s->rig.options.conn = s->rig.to.conn = &conn;
  rig_make_contexts(&s->rig);
  tls_limit(s->rig.client_tls, version);
  rig_listen(&s->rig);
  CHECK_ERR(0, rig_connect_as(&s->rig, &s->rig.client));
  s->rig.client.on_event = client_hears;
}

struct row {
  const char *name;
  const struct place *place;
  act_fn act;
  int version;
};

static void test_row(const void *given) {
  static struct scene s;
  const struct row *row = given;
  int i;

  if (loopback_is_slow() && row->version == TLS1_2_VERSION)
    return;
  memset(&s, 0, sizeof s);
  s.place = row->place;
  s.act = row->act;
  scene = &s;
  start(&s, row->version);
  RUN_UNTIL(&s.rig.lb, s.acted);
  for (i = 0; i < 30; i++)
    (void)uv_run(&s.rig.lb.uv, UV_RUN_NOWAIT);
  rig_close(&s.rig);
  CHECK_INT(0, s.nreqs);
}

int main(void) {
  enum { NROWS = NPLACES * NACTS * 2 };
  static struct row rows[NROWS];
  static char names[NROWS][96];
  size_t i;

  for (i = 0; i < NROWS; i++) {
    const char *act = acts[i % NACTS].name;
    rows[i].act = acts[i % NACTS].act;
    rows[i].place = &places[i / NACTS % NPLACES];
    rows[i].version = i / NACTS / NPLACES == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    (void)snprintf(names[i], sizeof names[i], "%s from %s, TLS 1.%c", act, rows[i].place->name,
                   rows[i].version == TLS1_3_VERSION ? '3' : '2');
    rows[i].name = names[i];
  }
  return CHECK_RUN_TABLE("tls re-entrancy", rows, test_row);
}
