/* Calls from every callback, over TLS: a table of (callback, call), each row a test. What must hold is what the fixture checks:
 * no callback inside a call, one on_close and that last, nothing left at the end. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "integration/scene.h"
#include "integration/tls_loopback.h"

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

static struct play {
  struct tls_rig rig; /* first */
  struct scene scene;
  struct talker extra;
} play;

/* ---- the calls ---- */

static void act_send(struct scene *s, wsuv_conn_t *conn) {
  static const char large[300000] = "large";

  if (conn == NULL)
    return;
  (void)CALL(s->lb, wsuv_conn_send_text(conn, "x", 1));
  (void)CALL(s->lb, wsuv_conn_send_binary(conn, large, sizeof large));
  (void)CALL(s->lb, wsuv_conn_ping(conn, "p", 1));
}

static void act_close(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    (void)CALL(s->lb, wsuv_conn_close(conn, 1000, "act"));
}

static void act_terminate(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(s->lb, wsuv_conn_terminate(conn));
}

static void act_send_and_terminate(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_terminate(s, conn);
}

static void act_send_and_close(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_close(s, conn);
}

static void act_connect(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->lb->loop != NULL)
    CHECK_ERR(0, rig_connect_as(&play.rig, &play.extra));
}

static void act_reload(struct scene *s, wsuv_conn_t *conn) {
  (void)s;
  (void)conn;
  party_reload(&play.rig.server_side, play.rig.server_tls);
  party_reload(&play.rig.client_side, play.rig.client_tls);
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

/* ---- the play ---- */

static void server_upgrades(struct host *host, wsuv_upgrade_t *upgrade) {
  int err;

  scene_act_at(1, ON_UPGRADE, NULL);
  err = CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void start(struct tls_rig *rig, int version) {
  static wsuv_conn_options_t conn;
  static const wsuv_conn_options_t presets = WSUV_CONN_OPTIONS_INIT;

  conn = presets;
  conn.write_high_water = 1; /* on_drain after every message */
  rig_open(rig);
  rig->host.host.on_event = scene_server_hears;
  rig->host.host.on_upgrade = server_upgrades;
  rig->options.conn = rig->to.conn = &conn;
  rig_make_contexts(rig);
  tls_limit(rig->client_tls, version);
  rig_listen(rig);
  CHECK_ERR(0, rig_connect_as(rig, &rig->client));
  rig->client.on_event = scene_client_hears;
}

struct row {
  const char *name;
  const struct place *place;
  act_fn act;
  int version;
};

static void test_row(const void *given) {
  const struct row *row = given;

  if (loopback_is_slow() && row->version == TLS1_2_VERSION)
    return;
  memset(&play, 0, sizeof play);
  play.scene = (struct scene){.lb = &play.rig.lb,
                              .host = &play.rig.host.host,
                              .client = &play.rig.client,
                              .place = row->place,
                              .act = row->act};
  scene_begin(&play.scene);
  start(&play.rig, row->version);
  scene_play(&play.scene);
  rig_close(&play.rig);
  CHECK_INT(0, play.scene.nreqs);
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
