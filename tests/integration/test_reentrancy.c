/* Every call from every callback: a table of (callback, call), each row a test; as it is, and with permessage-deflate, where
 * all messages are compressed. What must hold is what the fixture checks: no callback inside a call, one on_close and that
 * last, nothing left at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"
#include "wsuv/deflate.h"
#include "wsuv/drain.h"
#include "wsuv/post.h"
#include "wsuv/topic.h"

struct scene;

struct place {
  const char *name;
  int server_side;
  int event; /* enum event, or one of these */
};
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

/* `conn` is NULL where the callback is not a connection's and there is none. */
typedef void (*act_fn)(struct scene *s, wsuv_conn_t *conn);

enum mode { PLAIN, SHARED, DEDICATED, NMODES };

static const char *const mode_names[NMODES] = {"", ", shared", ", dedicated"};

struct scene {
  struct loopback lb;
  wsuv_deflate_t *deflate; /* of both sides; NULL: plain, or a build without it */
  struct host host;
  struct host second;
  struct talker client;
  struct talker extra;
  struct raw raw;
  const struct place *place;
  act_fn act;
  int acted;
  int nreqs; /* requests not yet called back */
  int nposts;
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
  scene->nreqs--;
  free(req);
}

static void act_send(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  (void)CALL(&s->lb, wsuv_conn_send_text(conn, "text", 4));
  (void)CALL(&s->lb, wsuv_conn_send_binary(conn, "binary", 6));
  (void)CALL(&s->lb, wsuv_conn_ping(conn, "ping", 4));
  send_request(wsuv_conn_data(conn));
}

static void act_close(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  (void)CALL(&s->lb, wsuv_conn_close(conn, 4000, "from a callback"));
  CHECK_ERR(WSUV_ESTATE, CALL(&s->lb, wsuv_conn_close(conn, 4001, "again")));
  (void)CALL(&s->lb, wsuv_conn_send_text(conn, "late", 4));
}

static void act_terminate(struct scene *s, wsuv_conn_t *conn) {
  if (conn == NULL)
    return;
  CALL_VOID(&s->lb, wsuv_conn_terminate(conn));
  CALL_VOID(&s->lb, wsuv_conn_terminate(conn));
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

static void act_read_stop(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(&s->lb, wsuv_conn_read_stop(conn));
}

static void act_read_start(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(&s->lb, wsuv_conn_read_start(conn));
}

static void act_read_stop_start(struct scene *s, wsuv_conn_t *conn) {
  act_read_stop(s, conn);
  act_read_start(s, conn);
}

static void act_loop_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  loopback_end(&s->lb);
}

static void act_server_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->host.server != NULL)
    CALL_VOID(&s->lb, wsuv_server_close(s->host.server));
}

static void terminate_visited(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_terminate(conn);
}

static void act_terminate_all(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->host.server != NULL)
    CALL_VOID(&s->lb, wsuv_server_each(s->host.server, terminate_visited, NULL));
}

static void act_terminate_other(struct scene *s, wsuv_conn_t *conn) {
  struct talker *server = s->host.ntalkers > 0 ? s->host.talkers[0] : NULL;

  if (s->client.conn != NULL && s->client.conn != conn)
    CALL_VOID(&s->lb, wsuv_conn_terminate(s->client.conn));
  if (server != NULL && server->conn != NULL && server->conn != conn)
    CALL_VOID(&s->lb, wsuv_conn_terminate(server->conn));
}

static void act_connect(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->lb.loop == NULL)
    return;
  talker_init(&s->extra, &s->lb);
  CHECK_ERR(0, talker_connect(&s->extra, &s->host, NULL));
}

static void act_listen(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->lb.loop == NULL)
    return;
  host_init(&s->second, &s->lb);
  CHECK_ERR(0, host_listen(&s->second, NULL));
}

static void act_drain(struct scene *s, wsuv_conn_t *conn) {
  wsuv_drain_options_t o = WSUV_DRAIN_OPTIONS_INIT;
  (void)conn;
  o.window_ms = WSUV_OFF;
  if (s->host.server != NULL)
    (void)CALL(&s->lb, wsuv_server_drain(s->host.server, &o));
}

/* Whoever is there subscribes, gets what may be dropped and what drops it, and has no subscription any more. */
static void act_topics(struct scene *s, wsuv_conn_t *conn) {
  static const uint8_t octets[10000];
  struct talker *server = s->host.ntalkers > 0 ? s->host.talkers[0] : NULL;
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  int i;
  (void)conn;
  if (s->host.server == NULL)
    return;
  if (server != NULL && server->conn != NULL)
    (void)CALL(&s->lb, wsuv_conn_subscribe(server->conn, "news"));
  for (i = 0; i < 200; i++) {
    o.slow = i % 2 ? WSUV_SLOW_KEEP_LATEST : WSUV_SLOW_DROP_OLDEST;
    CHECK_ERR(0, CALL(&s->lb, wsuv_server_publish(s->host.server, "news", WSUV_BINARY, octets,
                                                  sizeof octets, &o, NULL)));
  }
  o.slow = WSUV_SLOW_CLOSE;
  CHECK_ERR(0, CALL(&s->lb, wsuv_server_publish(s->host.server, "news", WSUV_BINARY, octets,
                                                sizeof octets, &o, NULL)));
  if (server != NULL && server->conn != NULL)
    CALL_VOID(&s->lb, wsuv_conn_unsubscribe_all(server->conn));
  CHECK_SIZE(0, wsuv_server_ntopics(s->host.server));
}

static void on_posted(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status) {
  struct scene *s = arg;
  (void)loop;
  (void)id;
  CHECK_INT(0, s->lb.in_call);
  CHECK_TRUE(status <= 0);
  s->nposts--;
}

static void act_post(struct scene *s, wsuv_conn_t *conn) {
  wsuv_conn_id_t id = conn != NULL ? wsuv_conn_id(conn) : 1;
  if (s->lb.loop == NULL)
    return;
  s->nposts++;
  CHECK_ERR(0,
            CALL(&s->lb, wsuv_loop_post_send(s->lb.loop, id, WSUV_TEXT, "x", 1, 0, on_posted, s)));
}

static void act_ask(struct scene *s, wsuv_conn_t *conn) {
  char peer[64];
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

static void on_post(wsuv_loop_t *loop, void *arg, int status) {
  struct scene *s = arg;
  (void)loop;
  CHECK_INT(0, s->lb.in_call);
  CHECK_ERR(0, status);
  act_at(1, ON_POST, s->client.conn);
}

static void on_progress(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  (void)server;
  CHECK_INT(0, scene->lb.in_call);
  act_at(1, progress->done ? ON_DRAINED : ON_DRAINING, scene->client.conn);
}

/* What has to be under way for some of the places. */
static void begin_place(struct scene *s) {
  wsuv_drain_options_t o = WSUV_DRAIN_OPTIONS_INIT;
  o.window_ms = WSUV_OFF;
  o.cb = on_progress;
  if (s->place->event == ON_POST)
    CHECK_ERR(0, CALL(&s->lb, wsuv_loop_post(s->lb.loop, on_post, s)));
  else if (s->place->event == ON_DRAINING || s->place->event == ON_DRAINED)
    CHECK_ERR(0, CALL(&s->lb, wsuv_server_drain(s->host.server, &o)));
}

static void client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN) {
    begin(t);
    begin_place(scene);
  }
  act_at(0, (int)event, t->conn);
  if (t->n[EV_MESSAGE] >= 2 && t->n[EV_PONG] > 0 && t->n[EV_PING] > 0 && t->n[EV_CLOSE] == 0)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
}

static void server_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    begin(t);
  act_at(1, (int)event, t->conn);
  if (event == EV_CLOSE && t->host->server != NULL)
    CALL_VOID(t->lb, wsuv_server_close(t->host->server));
}

static void server_upgrades(struct host *host, wsuv_upgrade_t *upgrade) {
  int err;
  act_at(1, ON_UPGRADE, scene->client.conn);
  err = CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void server_answers(struct host *host, wsuv_upgrade_t *request) {
  int err;
  act_at(1, ON_REQUEST, scene->client.conn);
  err = CALL(host->lb, wsuv_upgrade_reject(request, 200, NULL, 0, "page", 4));
  CHECK_TRUE(err == 0 || err == WSUV_ECANCELED);
}

static void server_closed(struct host *host) {
  (void)host;
  act_at(1, ON_SERVER_CLOSE, NULL);
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

static void start(struct scene *s, enum mode mode) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  const wsuv_extension_t *extension;

  conn.write_high_water = 1; /* on_drain after every message */
  loopback_open(&s->lb);
  s->deflate = make_deflate(&s->lb, mode);
  extension = s->deflate != NULL ? wsuv_deflate_extension(s->deflate) : NULL;
  options.extensions = to.extensions = &extension;
  options.nextensions = to.nextensions = s->deflate != NULL;
  host_init(&s->host, &s->lb);
  s->host.on_event = server_hears;
  s->host.on_upgrade = server_upgrades;
  s->host.on_request = server_answers;
  s->host.on_closed = server_closed;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&s->host, &options));
  talker_init(&s->client, &s->lb);
  s->client.on_event = client_hears;
  to.conn = &conn;
  CHECK_ERR(0, talker_connect(&s->client, &s->host, &to));
  if (s->place->event == ON_REQUEST) {
    raw_connect(&s->raw, &s->lb, s->host.port);
    raw_say(&s->raw, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
}

struct row {
  const char *name;
  const struct place *place;
  act_fn act;
  enum mode mode;
};

static void end(struct scene *s) {
  loopback_end(&s->lb);
  RUN_UNTIL(&s->lb, s->lb.loop_closed);
  wsuv_deflate_free(s->deflate);
  loopback_close(&s->lb);
  CHECK_INT(0, s->nreqs);
  CHECK_INT(0, s->nposts);
}

/* covers: UV.15 EPT.40 */
static void test_row(const void *given) {
  const struct row *row = given;
  struct scene s;
  int i;

  memset(&s, 0, sizeof s);
  s.place = row->place;
  s.act = row->act;
  scene = &s;
  start(&s, row->mode);
  RUN_UNTIL(&s.lb, s.acted);
  for (i = 0; i < 30; i++)
    (void)uv_run(&s.lb.uv, UV_RUN_NOWAIT);
  end(&s);
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
