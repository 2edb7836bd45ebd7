#include "integration/scene.h"

#include <stdlib.h>

static struct scene *scene; /* the one that plays */

void scene_begin(struct scene *s) {
  scene = s;
}

void scene_play(struct scene *s) {
  int i;

  RUN_UNTIL(s->lb, s->acted);
  for (i = 0; i < 30; i++)
    (void)uv_run(&s->lb->uv, UV_RUN_NOWAIT);
}

void scene_act_at(int server_side, int event, wsuv_conn_t *conn) {
  if (scene->acted || scene->place->event != event || scene->place->server_side != server_side)
    return;
  scene->acted = 1;
  scene->act(scene, conn);
}

static void on_sent(wsuv_send_t *req, int status) {
  struct talker *t = req->data;

  CHECK_TRUE(status == 0 || status == WSUV_ECANCELED);
  free(req);
  scene->nreqs--;
  talker_note(t, EV_SENT);
}

void scene_send_request(struct talker *t) {
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

static void begin(struct talker *t) {
  (void)talker_say(t, "hello");
  (void)CALL(t->lb, wsuv_conn_ping(t->conn, "p", 1));
  scene_send_request(t);
}

void scene_client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN) {
    begin(t);
    if (scene->begin != NULL)
      scene->begin(scene);
  }
  scene_act_at(0, (int)event, t->conn);
  if (t->n[EV_MESSAGE] >= 2 && t->n[EV_PONG] > 0 && t->n[EV_PING] > 0 && t->n[EV_CLOSE] == 0)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
}

void scene_server_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    begin(t);
  scene_act_at(1, (int)event, t->conn);
}

/* ---- acts ---- */

void act_read_stop(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(s->lb, wsuv_conn_read_stop(conn));
}

void act_read_start(struct scene *s, wsuv_conn_t *conn) {
  if (conn != NULL)
    CALL_VOID(s->lb, wsuv_conn_read_start(conn));
}

void act_read_stop_start(struct scene *s, wsuv_conn_t *conn) {
  act_read_stop(s, conn);
  act_read_start(s, conn);
}

void act_loop_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  loopback_end(s->lb);
}

void act_server_close(struct scene *s, wsuv_conn_t *conn) {
  (void)conn;
  if (s->host->server != NULL)
    CALL_VOID(s->lb, wsuv_server_close(s->host->server));
}

void act_terminate_other(struct scene *s, wsuv_conn_t *conn) {
  struct talker *server = s->host->ntalkers > 0 ? s->host->talkers[0] : NULL;

  if (s->client->conn != NULL && s->client->conn != conn)
    CALL_VOID(s->lb, wsuv_conn_terminate(s->client->conn));
  if (server != NULL && server->conn != NULL && server->conn != conn)
    CALL_VOID(s->lb, wsuv_conn_terminate(server->conn));
}
