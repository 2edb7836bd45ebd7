#include "integration/loopback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/adopt.h>

#include "api/loop.h"
#include "integration/raw_peer.h"

#define WATCHDOG_MS 30000u

int loopback_is_slow(void) {
  return getenv("WSUV_SLOW_RUN") != NULL;
}

static void on_watchdog(uv_timer_t *timer) {
  (void)timer;
  print_error("the watchdog: what the test waits for does not come\n");
  fail();
}

void loopback_open(struct loopback *lb) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;

  loopback_open_with(lb, options);
}

void loopback_open_with(struct loopback *lb, wsuv_loop_options_t options) {
  memset(lb, 0, sizeof *lb);
  failing_alloc_init(&lb->fa);
  options.allocator = &lb->fa.allocator;
  CHECK_ERR(0, uv_loop_init(&lb->uv));
  CHECK_ERR(0, wsuv_loop_new(&lb->loop, &lb->uv, &options));
  CHECK_PTR(&lb->uv, wsuv_loop_uv(lb->loop));
  CHECK_ERR(0, uv_timer_init(&lb->uv, &lb->watchdog));
  CHECK_ERR(0, uv_timer_start(&lb->watchdog, on_watchdog,
                              loopback_is_slow() ? 10 * WATCHDOG_MS : WATCHDOG_MS, 0));
  uv_unref((uv_handle_t *)&lb->watchdog);
}

void loopback_turn(struct loopback *lb) {
  if (lb->idle > 1) {
    print_error("nothing keeps the loop alive, and what the test waits for did not come\n");
    fail();
  }
  lb->idle = uv_run(&lb->uv, UV_RUN_ONCE) == 0 ? lb->idle + 1 : 0;
}

void loopback_run_out(struct loopback *lb) {
  (void)uv_run(&lb->uv, UV_RUN_DEFAULT);
  CHECK_FALSE(uv_loop_alive(&lb->uv));
}

static void on_loop_closed(void *arg) {
  struct loopback *lb = arg;
  size_t i;

  CHECK_INT(0, lb->in_call);
  lb->loop_closed++;
  for (i = 0; i < lb->ntalkers; i++) {
    CHECK_NULL(lb->talkers[i]->conn);
  }
}

void loopback_sweep(struct loopback *lb) {
  struct wsuv__wheel_entry *entry = &lb->loop->awake.sweep;

  wsuv__wheel_clear(entry);
  entry->on_due(entry);
}

void loopback_end(struct loopback *lb) {
  wsuv_loop_t *loop = lb->loop;

  if (loop == NULL)
    return;
  lb->loop = NULL;
  CHECK_ERR(0, CALL(lb, wsuv_loop_close(loop, on_loop_closed, lb)));
}

/* Exactly one on_close for what was handed out, none for what was not. */
static void check_talker(const struct talker *t) {
  CHECK_SIZE(t->handed_out ? 1 : 0, t->n[EV_CLOSE]);
  CHECK_SIZE(t->end.opened, t->n[EV_OPEN]);
}

void loopback_close(struct loopback *lb) {
  size_t i;

  loopback_end(lb);
  for (i = 0; i < lb->nraws; i++)
    raw_close(lb->raws[i]);
  loopback_run_out(lb);
  CHECK_INT(1, lb->loop_closed);
  uv_close((uv_handle_t *)&lb->watchdog, NULL);
  loopback_run_out(lb);
  CHECK_ERR(0, uv_loop_close(&lb->uv));
  for (i = 0; i < lb->ntalkers; i++) {
    check_talker(lb->talkers[i]);
    free(lb->talkers[i]->payload);
    if (lb->talkers[i]->host != NULL)
      free(lb->talkers[i]);
  }
  for (i = 0; i < lb->nraws; i++)
    free(lb->raws[i]->in);
  failing_alloc_check_no_leaks(&lb->fa);
}

/* ---- connections ---- */

void talker_init(struct talker *t, struct loopback *lb) {
  memset(t, 0, sizeof *t);
  t->lb = lb;
  CHECK_TRUE(lb->ntalkers < LOOPBACK_MAX);
  lb->talkers[lb->ntalkers++] = t;
}

void talker_note(struct talker *t, enum event event) {
  CHECK_INT(0, t->lb->in_call);
  CHECK_SIZE(0, t->n[EV_CLOSE]);
  t->n[event]++;
  if (t->log_len + 1 < sizeof t->log)
    t->log[t->log_len++] = "ominxdsc"[event];
  if (t->on_event != NULL)
    t->on_event(t, event);
}

static struct talker *new_talker(struct host *host, wsuv_conn_t *conn) {
  struct talker *t = malloc(sizeof *t);

  CHECK_NOT_NULL(t);
  talker_init(t, host->lb);
  t->host = host;
  t->conn = conn;
  t->handed_out = 1;
  t->on_event = host->on_event;
  host->talkers[host->ntalkers++] = t;
  wsuv_conn_set_data(conn, t);
  return t;
}

static struct talker *talker_of(wsuv_conn_t *conn) {
  struct talker *t = wsuv_conn_data(conn);

  if (t == NULL)
    t = new_talker(wsuv_server_data(wsuv_conn_server(conn)), conn);
  CHECK_PTR(conn, t->conn);
  return t;
}

static void take_payload(struct talker *t, wsuv_opcode_t type, const void *payload, size_t len) {
  t->type = type;
  t->len = len;
  t->payload = realloc(t->payload, len + 1);
  CHECK_NOT_NULL(t->payload);
  if (len > 0)
    memcpy(t->payload, payload, len);
  t->payload[len] = '\0';
}

static void on_open(wsuv_conn_t *conn) {
  struct talker *t = talker_of(conn);

  CHECK_SIZE(0, t->log_len);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(conn));
  talker_note(t, EV_OPEN);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct talker *t = talker_of(conn);

  take_payload(t, type, payload, len);
  t->rsv = wsuv_conn_message_rsv(conn);
  t->received += len;
  talker_note(t, EV_MESSAGE);
}

static void on_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  take_payload(talker_of(conn), WSUV_PING, payload, len);
  talker_note(talker_of(conn), EV_PING);
}

static void on_pong(wsuv_conn_t *conn, const void *payload, size_t len) {
  take_payload(talker_of(conn), WSUV_PONG, payload, len);
  talker_note(talker_of(conn), EV_PONG);
}

static void on_control(wsuv_conn_t *conn, int opcode, const void *payload, size_t len) {
  take_payload(talker_of(conn), (wsuv_opcode_t)opcode, payload, len);
  talker_note(talker_of(conn), EV_CONTROL);
}

static void on_drain(wsuv_conn_t *conn) {
  talker_note(talker_of(conn), EV_DRAIN);
}

static void take_ending(struct ending *end, const wsuv_close_info_t *info) {
  end->code = info->code;
  end->sent_code = info->sent_code;
  end->clean = info->clean;
  end->error = info->error;
  end->opened = info->opened;
  end->http_status = info->http_status;
  CHECK_SIZE(strlen(info->reason), info->reason_len);
  (void)snprintf(end->reason, sizeof end->reason, "%s", info->reason);
  CHECK_TRUE(info->detail[0] != '\0');
  CHECK_NULL(strchr(info->detail, '\n'));
  (void)snprintf(end->detail, sizeof end->detail, "%s", info->detail);
  end->body_len = info->http_body_len;
  if (info->http_body != NULL)
    (void)snprintf(end->body, sizeof end->body, "%.*s", (int)info->http_body_len, info->http_body);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct talker *t = talker_of(conn);

  CHECK_INT(WSUV_STATE_RELEASING, wsuv_conn_state(conn));
  take_ending(&t->end, info);
  talker_note(t, EV_CLOSE);
  t->conn = NULL;
}

const wsuv_handler_t talker_handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_control = on_control,
    .on_drain = on_drain,
    .on_close = on_close,
};

int talker_connect(struct talker *t, struct host *host, const wsuv_connect_options_t *options) {
  wsuv_connect_options_t o = WSUV_CONNECT_OPTIONS_INIT;
  char url[64];

  if (options != NULL)
    o = *options;
  if (o.url == NULL) {
    (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", host != NULL ? host->port : 0);
    o.url = url;
  }
  if (CALL(t->lb, wsuv_connect(t->lb->loop, &t->conn, &o, &talker_handler, t)) == 0)
    t->handed_out = 1;
  else
    CHECK_NULL(t->conn);
  return t->lb->result;
}

int talker_connect_url(struct talker *t, struct loopback *lb, const char *url,
                       const wsuv_conn_options_t *conn) {
  wsuv_connect_options_t o = WSUV_CONNECT_OPTIONS_INIT;

  talker_init(t, lb);
  o.url = url;
  o.conn = conn;
  return talker_connect(t, NULL, &o);
}

int talker_say(struct talker *t, const char *text) {
  return CALL(t->lb, wsuv_conn_send_text(t->conn, text, strlen(text)));
}

void talker_echo(struct talker *t, enum event event) {
  if (event != EV_MESSAGE)
    return;
  if (t->type == WSUV_TEXT)
    (void)CALL(t->lb, wsuv_conn_send_text(t->conn, t->payload, t->len));
  else
    (void)CALL(t->lb, wsuv_conn_send_binary(t->conn, t->payload, t->len));
}

/* ---- servers ---- */

static void server_on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  struct host *host = wsuv_server_data(server);
  CHECK_INT(0, host->lb->in_call);
  host->on_upgrade(host, upgrade);
}

static void server_on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  struct host *host = wsuv_server_data(server);
  CHECK_INT(0, host->lb->in_call);
  host->on_request(host, request);
}

static void server_on_close(wsuv_server_t *server) {
  struct host *host = wsuv_server_data(server);
  CHECK_INT(0, host->lb->in_call);
  CHECK_SIZE(0, wsuv_server_nconns(server));
  CHECK_INT(0, host->nclosed);
  host->nclosed++;
  if (host->on_closed != NULL)
    host->on_closed(host);
  host->server = NULL;
}

/* By whether there is an on_upgrade, an on_request. */
#define HANDLER(upgrade, request) \
  { sizeof(wsuv_server_handler_t), &talker_handler, upgrade, request, server_on_close, NULL }

static const wsuv_server_handler_t handlers[2][2] = {
    {HANDLER(NULL, NULL), HANDLER(NULL, server_on_request)},
    {HANDLER(server_on_upgrade, NULL), HANDLER(server_on_upgrade, server_on_request)},
};

void host_init(struct host *host, struct loopback *lb) {
  memset(host, 0, sizeof *host);
  host->lb = lb;
}

int host_listen(struct host *host, const wsuv_server_options_t *options) {
  const wsuv_server_handler_t *handler =
      &handlers[host->on_upgrade != NULL][host->on_request != NULL];

  if (CALL(host->lb, wsuv_server_listen(host->lb->loop, &host->server, options, handler, host)) ==
      0)
    host->port = wsuv_server_port(host->server);
  else
    CHECK_NULL(host->server);
  return host->lb->result;
}

int host_create(struct host *host, const wsuv_server_options_t *options) {
  const wsuv_server_handler_t *handler =
      &handlers[host->on_upgrade != NULL][host->on_request != NULL];

  if (CALL(host->lb, wsuv_server_new(host->lb->loop, &host->server, options, handler, host)) == 0)
    CHECK_INT(0, wsuv_server_port(host->server));
  else
    CHECK_NULL(host->server);
  return host->lb->result;
}

void host_echo(struct host *host, struct loopback *lb) {
  host_init(host, lb);
  host->on_event = talker_echo;
  CHECK_ERR(0, host_listen(host, NULL));
}

void connect_pair(struct host *host, struct talker *client) {
  size_t before = host->ntalkers;

  talker_init(client, host->lb);
  CHECK_ERR(0, talker_connect(client, host, NULL));
  RUN_UNTIL(host->lb, client->n[EV_OPEN] == 1 && host->ntalkers == before + 1);
}

void host_decide_late(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_NULL(host->upgrade);
  host->upgrade = upgrade;
}
