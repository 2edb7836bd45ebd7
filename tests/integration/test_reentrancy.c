/* Every call from every callback: a table of (callback, call), each row a test; as it is, and with permessage-deflate, where
 * all messages are compressed. What must hold is what the fixture checks: no callback inside a call, one on_close and that
 * last, nothing left at the end. */
#include <stdio.h>
#include <string.h>

#include "integration/raw_peer.h"
#include "integration/scene.h"
#include "wsuv/deflate.h"
#include "wsuv/drain.h"
#include "wsuv/post.h"
#include "wsuv/topic.h"

enum { ON_UPGRADE = NEVENTS, ON_REQUEST, ON_SERVER_CLOSE, ON_POST, ON_DRAINING, ON_DRAINED };

static const struct place places[] = {
    {"client on_open", 0, EV_OPEN},
    {"server on_open", 1, EV_OPEN},
    {"client on_message", 0, EV_MESSAGE},
    {"server on_message", 1, EV_MESSAGE},
    {"client on_ping", 0, EV_PING},
    {"server on_ping", 1, EV_PING},
    {"client on_pong", 0, EV_PONG},
    {"server on_pong", 1, EV_PONG},
    {"client on_drain", 0, EV_DRAIN},
    {"server on_drain", 1, EV_DRAIN},
    {"client send cb", 0, EV_SENT},
    {"server send cb", 1, EV_SENT},
    {"client on_close", 0, EV_CLOSE},
    {"server on_close of a connection", 1, EV_CLOSE},
    {"on_upgrade", 1, ON_UPGRADE},
    {"on_request", 1, ON_REQUEST},
    {"on_close of the server", 1, ON_SERVER_CLOSE},
    {"a post's callback", 1, ON_POST},
    {"a drain's callback", 1, ON_DRAINING},
    {"a drain's last callback", 1, ON_DRAINED},
};
#define NPLACES (sizeof places / sizeof places[0])

enum mode { PLAIN, SHARED, DEDICATED, NMODES };

static const char *const mode_names[NMODES] = {"", ", shared", ", dedicated"};

static struct play {
  struct scene scene;
  struct loopback lb;
  wsuv_deflate_t *deflate; /* of both sides; NULL: plain, or a build without it */
  struct host host;
  struct host second;
  struct talker client;
  struct talker extra;
  struct raw raw;
  int nposts;
} play;

/* ---- the calls ---- */

static void act_send(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  (void)CALL(s->lb, wsuv_conn_send_text(conn, "text", 4));
  (void)CALL(s->lb, wsuv_conn_send_binary(conn, "binary", 6));
  (void)CALL(s->lb, wsuv_conn_ping(conn, "ping", 4));
  scene_send_request(wsuv_conn_data(conn));
}

static void act_close(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  (void)CALL(s->lb, wsuv_conn_close(conn, 4000, "from a callback"));
  CHECK_ERR(WSUV_ESTATE, CALL(s->lb, wsuv_conn_close(conn, 4001, "again")));
  (void)CALL(s->lb, wsuv_conn_send_text(conn, "late", 4));
}

static void act_terminate(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  CALL_VOID(s->lb, wsuv_conn_terminate(conn));
  CALL_VOID(s->lb, wsuv_conn_terminate(conn));
  CHECK_INT(WSUV_STATE_RELEASING, wsuv_conn_state(conn));
}

static void act_send_and_terminate(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_terminate(s, conn);
  act_send(s, conn);
}

static void act_send_and_close(struct scene *s, wsuv_conn_t *conn) {
  act_send(s, conn);
  act_close(s, conn);
}

static void terminate_visited(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_terminate(conn);
}

static void act_terminate_all(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->host->server != NULL)
    CALL_VOID(s->lb, wsuv_server_each(s->host->server, terminate_visited, NULL));
}

static void act_connect(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->lb->loop == NULL)
    return;
  talker_init(&play.extra, s->lb);
  CHECK_ERR(0, talker_connect(&play.extra, s->host, NULL));
}

static void act_listen(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->lb->loop == NULL)
    return;
  host_init(&play.second, s->lb);
  CHECK_ERR(0, host_listen(&play.second, NULL));
}

static void act_drain(struct scene *s, wsuv_conn_t *conn) {
  wsuv_drain_options_t o = WSUV_DRAIN_OPTIONS_INIT;
  (void)conn;
  o.window_ms = WSUV_OFF;
  if (s->host->server != NULL)
    (void)CALL(s->lb, wsuv_server_drain(s->host->server, &o));
}

/* Whoever is there subscribes, gets what may be dropped and what drops it, and has no subscription any more. */
static void act_topics(struct scene *s, wsuv_conn_t *conn) {
  static const uint8_t octets[10000];
  struct talker *server = s->host->ntalkers > 0 ? s->host->talkers[0] : NULL;
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  int i;
  (void)conn;
  if (s->host->server == NULL)
    return;
  if (server != NULL && server->conn != NULL)
    (void)CALL(s->lb, wsuv_conn_subscribe(server->conn, "news"));
  for (i = 0; i < 200; i++) {
    o.slow = i % 2 ? WSUV_SLOW_KEEP_LATEST : WSUV_SLOW_DROP_OLDEST;
    CHECK_ERR(0, CALL(s->lb, wsuv_server_publish(s->host->server, "news", WSUV_BINARY, octets,
                                                 sizeof octets, &o, NULL)));
  }
  o.slow = WSUV_SLOW_CLOSE;
  CHECK_ERR(0, CALL(s->lb, wsuv_server_publish(s->host->server, "news", WSUV_BINARY, octets,
                                               sizeof octets, &o, NULL)));
  if (server != NULL && server->conn != NULL)
    CALL_VOID(s->lb, wsuv_conn_unsubscribe_all(server->conn));
  CHECK_SIZE(0, wsuv_server_ntopics(s->host->server));
}

static void on_posted(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status) {
  struct scene *s = arg;
  (void)loop;
  (void)id;
  CHECK_INT(0, s->lb->in_call);
  CHECK_TRUE(status <= 0);
  play.nposts--;
}

static void act_post(struct scene *s, wsuv_conn_t *conn) {
  wsuv_conn_id_t id = conn != NULL ? wsuv_conn_id(conn) : 1;
  if (s->lb->loop == NULL)
    return;
  play.nposts++;
  CHECK_ERR(0,
            CALL(s->lb, wsuv_loop_post_send(s->lb->loop, id, WSUV_TEXT, "x", 1, 0, on_posted, s)));
}

static void act_ask(struct scene *scene, wsuv_conn_t *conn) {
  const struct play *s = &play;
  char peer[64];
  (void)scene;
  if (conn == NULL)
    return;
  (void)wsuv_conn_peer(conn, peer, sizeof peer);
  (void)wsuv_conn_queued(conn);
  (void)wsuv_conn_role(conn);
  (void)wsuv_conn_subprotocol(conn);
  (void)wsuv_conn_response_header(conn, "Date");
  CHECK_PTR(s->lb.loop, wsuv_conn_loop(conn));
  if (wsuv_conn_server(conn) != NULL)
    (void)wsuv_server_nconns(wsuv_conn_server(conn));
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
    {"read_start", act_read_start},
    {"read_stop and start", act_read_stop_start},
    {"loop_close", act_loop_close},
    {"server_close", act_server_close},
    {"terminate all", act_terminate_all},
    {"terminate the other side", act_terminate_other},
    {"connect", act_connect},
    {"listen", act_listen},
    {"ask", act_ask},
    {"drain", act_drain},
    {"topics", act_topics},
    {"post", act_post},
};
#define NACTS (sizeof acts / sizeof acts[0])

/* ---- the play ---- */

static void on_post(wsuv_loop_t *loop, void *arg, int status) {
  struct scene *s = arg;
  (void)loop;
  CHECK_INT(0, s->lb->in_call);
  CHECK_ERR(0, status);
  scene_act_at(1, ON_POST, s->client->conn);
}

static void on_progress(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  (void)server;
  CHECK_INT(0, play.lb.in_call);
  scene_act_at(1, progress->done ? ON_DRAINED : ON_DRAINING, play.client.conn);
}

/* What has to be under way for some of the places. */
static void begin_place(struct scene *s) {
  wsuv_drain_options_t o = WSUV_DRAIN_OPTIONS_INIT;
  o.window_ms = WSUV_OFF;
  o.cb = on_progress;
  if (s->place->event == ON_POST)
    CHECK_ERR(0, CALL(s->lb, wsuv_loop_post(s->lb->loop, on_post, s)));
  else if (s->place->event == ON_DRAINING || s->place->event == ON_DRAINED)
    CHECK_ERR(0, CALL(s->lb, wsuv_server_drain(s->host->server, &o)));
}

static void server_hears(struct talker *t, enum event event) {
  scene_server_hears(t, event);
  if (event == EV_CLOSE && t->host->server != NULL)
    CALL_VOID(t->lb, wsuv_server_close(t->host->server));
}

static void server_upgrades(struct host *host, wsuv_upgrade_t *upgrade) {
  int err;
  scene_act_at(1, ON_UPGRADE, play.client.conn);
  err = CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void server_answers(struct host *host, wsuv_upgrade_t *request) {
  int err;
  scene_act_at(1, ON_REQUEST, play.client.conn);
  err = CALL(host->lb, wsuv_upgrade_reject(request, 200, NULL, 0, "page", 4));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void server_closed(struct host *host) {
  (void)host;
  scene_act_at(1, ON_SERVER_CLOSE, NULL);
}

static wsuv_deflate_t *make_deflate(struct loopback *lb, enum mode mode) {
  static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
  static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_options_t o = mode == SHARED ? shared : dedicated;
  wsuv_deflate_t *deflate = NULL;
  int err;

  o.allocator = &lb->fa.allocator;
  o.threshold = WSUV_OFF; /* no message is too short */
  err = mode == PLAIN ? 0 : wsuv_deflate_new(&deflate, &o);
  CHECK_TRUE(err == 0 || err == WSUV_ENODEFLATE);
  return deflate;
}

static void start(struct play *p, enum mode mode) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  const wsuv_extension_t *extension;

  conn.write_high_water = 1; /* on_drain after every message */
  loopback_open(&p->lb);
  p->deflate = make_deflate(&p->lb, mode);
  extension = p->deflate != NULL ? wsuv_deflate_extension(p->deflate) : NULL;
  options.extensions = to.extensions = &extension;
  options.nextensions = to.nextensions = p->deflate != NULL;
  host_init(&p->host, &p->lb);
  p->host.on_event = server_hears;
  p->host.on_upgrade = server_upgrades;
  p->host.on_request = server_answers;
  p->host.on_closed = server_closed;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&p->host, &options));
  talker_init(&p->client, &p->lb);
  p->client.on_event = scene_client_hears;
  to.conn = &conn;
  CHECK_ERR(0, talker_connect(&p->client, &p->host, &to));
  if (p->scene.place->event == ON_REQUEST) {
    raw_connect(&p->raw, &p->lb, p->host.port);
    raw_say(&p->raw, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
}

struct row {
  const char *name;
  const struct place *place;
  act_fn act;
  enum mode mode;
};

static void end(struct play *p) {
  loopback_end(&p->lb);
  RUN_UNTIL(&p->lb, p->lb.loop_closed);
  wsuv_deflate_free(p->deflate);
  loopback_close(&p->lb);
  CHECK_INT(0, p->scene.nreqs);
  CHECK_INT(0, p->nposts);
}

/* covers: UV.15 EPT.40 */
static void test_row(const void *given) {
  const struct row *row = given;

  memset(&play, 0, sizeof play);
  play.scene = (struct scene){.lb = &play.lb,
                              .host = &play.host,
                              .client = &play.client,
                              .place = row->place,
                              .act = row->act,
                              .begin = begin_place};
  scene_begin(&play.scene);
  start(&play, row->mode);
  scene_play(&play.scene);
  end(&play);
}

int main(void) {
  enum { NROWS = NPLACES * NACTS * NMODES };
  static struct row rows[NROWS];
  static char names[NROWS][96];
  size_t i;

  for (i = 0; i < NROWS; i++) {
    const char *act = acts[i % NACTS].name;
    rows[i].act = acts[i % NACTS].act;
    rows[i].place = &places[i / NACTS % NPLACES];
    rows[i].mode = (enum mode)(i / NACTS / NPLACES);
    (void)snprintf(names[i], sizeof names[i], "%s from %s%s", act, rows[i].place->name,
                   mode_names[rows[i].mode]);
    rows[i].name = names[i];
  }
  return CHECK_RUN_TABLE("re-entrancy", rows, test_row);
}
