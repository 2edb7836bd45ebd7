/* Extensions, custom opcodes and reserved bits from end to end, over real sockets. */
#include <string.h>

#include "integration/raw_peer.h"
#include "support/toy_extension.h"

static const wsuv_extension_t *const runs_count[] = {&toy_runs, &toy_count};
static const wsuv_extension_t *const only_runs[] = {&toy_runs};

/* A server's options and a client's, and the pair they make. */
struct pair {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker *server; /* the accepted connection's */
  wsuv_server_options_t listen;
  wsuv_connect_options_t connect;
  wsuv_conn_options_t limits;
};

static void pair_init(struct pair *p) {
  static const wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  static const wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  static const wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  loopback_open(&p->lb);
  host_init(&p->host, &p->lb);
  talker_init(&p->client, &p->lb);
  p->server = NULL;
  p->listen = listen;
  p->connect = connect;
  p->limits = limits;
  p->listen.conn = &p->limits;
  p->connect.conn = &p->limits;
}

static void pair_open(struct pair *p) {
  CHECK_ERR(0, host_listen(&p->host, &p->listen));
  CHECK_ERR(0, talker_connect(&p->client, &p->host, &p->connect));
  RUN_UNTIL(&p->lb, p->client.n[EV_OPEN] == 1 && p->host.ntalkers == 1);
  p->server = p->host.talkers[0];
}

static void pair_close(struct pair *p) {
  loopback_close(&p->lb);
  CHECK_INT(0, toy_sessions_alive());
}

#define CHECK_HEARD(t, event, count, text)                   \
  do {                                                       \
    RUN_UNTIL((t)->lb, (t)->n[event] == (count));            \
    CHECK_BYTES(text, strlen(text), (t)->payload, (t)->len); \
  } while (0)

/* covers: HSK.12 HSS.10 CORE.7 */
static void messages_are_transformed_both_ways(void **state) {
  struct pair p;
  (void)state;
  pair_init(&p);
  p.listen.extensions = runs_count;
  p.listen.nextensions = 2;
  p.connect.extensions = runs_count;
  p.connect.nextensions = 2;
  p.host.on_event = talker_echo;
  pair_open(&p);
  CHECK_SIZE(2, wsuv_conn_nextensions(p.client.conn));
  CHECK_PTR(&toy_runs, wsuv_conn_extension_at(p.client.conn, 0).extension);
  CHECK_PTR(&toy_count, wsuv_conn_extension_at(p.server->conn, 1).extension);
  CHECK_INT(4, toy_sessions_alive());
  CHECK_ERR(0, talker_say(&p.client, "aaaaaaaaaab"));
  CHECK_HEARD(&p.client, EV_MESSAGE, 1, "aaaaaaaaaab");
  CHECK_INT(3, p.client.rsv); /* both marked it */
  CHECK_ERR(0, talker_say(&p.client, "!aab"));
  CHECK_HEARD(&p.client, EV_MESSAGE, 2, "!aab");
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_send_begin(p.server->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_send_chunk(p.server->conn, "xx", 2, 0)));
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_send_end(p.server->conn, "xy", 2)));
  CHECK_HEARD(&p.client, EV_MESSAGE, 3, "xxxy");
  pair_close(&p);
}

static void count_sent(wsuv_send_t *req, int status) {
  int *nsent = req->data;
  CHECK_ERR(0, status);
  ++*nsent;
}

static void a_request_is_transformed_and_called_back(void **state) {
  struct pair p;
  int nsent = 0;
  wsuv_send_t req = {.data = &nsent};
  (void)state;
  pair_init(&p);
  p.listen.extensions = p.connect.extensions = only_runs;
  p.listen.nextensions = p.connect.nextensions = 1;
  pair_open(&p);
  CHECK_ERR(0,
            CALL(&p.lb, wsuv_conn_send(p.server->conn, &req, WSUV_TEXT, "aab", 3, 0, count_sent)));
  CHECK_HEARD(&p.client, EV_MESSAGE, 1, "aab");
  CHECK_INT(1, nsent);
  CHECK_ERR(0,
            CALL(&p.lb, wsuv_conn_send(p.client.conn, &req, WSUV_TEXT, "bba", 3, 0, count_sent)));
  CHECK_HEARD(p.server, EV_MESSAGE, 1, "bba");
  CHECK_INT(2, nsent);
  pair_close(&p);
}

static void decline_runs(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_SIZE(2, wsuv_upgrade_nextensions(upgrade));
  CHECK_PTR(&toy_runs, wsuv_upgrade_extension_at(upgrade, 0).extension);
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_decline_extension(upgrade, "toy-none")));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_decline_extension(upgrade, "toy-runs")));
  CHECK_SIZE(1, wsuv_upgrade_nextensions(upgrade));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
}

static void an_application_declines_one(void **state) {
  struct pair p;
  (void)state;
  pair_init(&p);
  p.listen.extensions = p.connect.extensions = runs_count;
  p.listen.nextensions = p.connect.nextensions = 2;
  p.host.on_upgrade = decline_runs;
  p.host.on_event = talker_echo;
  pair_open(&p);
  CHECK_SIZE(1, wsuv_conn_nextensions(p.client.conn));
  CHECK_PTR(&toy_count, wsuv_conn_extension_at(p.client.conn, 0).extension);
  CHECK_ERR(0, talker_say(&p.client, "aab"));
  CHECK_HEARD(&p.client, EV_MESSAGE, 1, "aab");
  pair_close(&p);
}

static void a_server_without_it_answers_without_it(void **state) {
  struct pair p;
  (void)state;
  pair_init(&p);
  p.connect.extensions = runs_count;
  p.connect.nextensions = 2;
  pair_open(&p);
  CHECK_SIZE(0, wsuv_conn_nextensions(p.client.conn));
  CHECK_INT(0, toy_sessions_alive());
  pair_close(&p);
}

/* The peer's run of length 0 cannot be decoded: 1007. */
static void what_cannot_be_decoded_ends_the_connection(void **state) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: toy-other, toy-runs; x, toy-runs\r\n\r\n"
      "\xa1\x82\0\0\0\0\0a";
  struct pair p;
  struct raw raw;
  wsuv_frame_header_t header;
  const uint8_t *payload;
  (void)state;
  pair_init(&p);
  p.listen.extensions = only_runs;
  p.listen.nextensions = 1;
  CHECK_ERR(0, host_listen(&p.host, &p.listen));
  raw_connect(&raw, &p.lb, p.host.port);
  RUN_UNTIL(&p.lb, raw.connected);
  raw_send(&raw, request, sizeof request - 1);
  RUN_UNTIL(&p.lb, raw_took_head(&raw));
  CHECK_NOT_NULL(strstr(raw_text(&raw), "\r\nSec-WebSocket-Extensions: toy-runs\r\n"));
  RUN_UNTIL(&p.lb, raw_took_frame(&raw, &header, &payload));
  CHECK_INT(WSUV_CLOSE, header.opcode);
  CHECK_INT(1007, payload[0] * 256 + payload[1]);
  raw_close(&raw);
  RUN_UNTIL(&p.lb, p.host.ntalkers == 1 && p.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EPAYLOAD, p.host.talkers[0]->end.error);
  pair_close(&p);
}

/* ---- claims of the application's ---- */

static int send_frame(struct talker *t, int opcode, int rsv, int fin, const char *text) {
  wsuv_frame_header_t frame = {0, 0, 0, 0, 0, {0, 0, 0, 0}};
  frame.opcode = (uint8_t)opcode;
  frame.rsv = (uint8_t)rsv;
  frame.fin = (uint8_t)fin;
  return CALL(t->lb, wsuv_conn_send_frame(t->conn, &frame, text, strlen(text)));
}

/* covers: CORE.7 FRM.16 PAR.11 EPT.12 STR.1 */
static void opcodes_and_bits_of_the_applications_own(void **state) {
  struct pair p;
  (void)state;
  pair_init(&p);
  p.limits.opcodes = 1u << 3 | 1u << 12;
  p.limits.rsv = 5;
  pair_open(&p);
  CHECK_ERR(0, send_frame(&p.client, 3, 4, 1, "three"));
  CHECK_HEARD(p.server, EV_MESSAGE, 1, "three");
  CHECK_INT(3, p.server->type);
  CHECK_INT(4, p.server->rsv);
  CHECK_ERR(0, send_frame(p.server, 3, 1, 0, "a"));
  CHECK_ERR(0, send_frame(p.server, 12, 0, 1, "control"));
  CHECK_HEARD(&p.client, EV_CONTROL, 1, "control");
  CHECK_INT(12, p.client.type);
  CHECK_ERR(0, send_frame(p.server, 0, 5, 1, "b"));
  CHECK_HEARD(&p.client, EV_MESSAGE, 1, "ab");
  CHECK_INT(1, p.client.rsv);
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_send_begin(p.client.conn, (wsuv_opcode_t)3, 0)));
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_send_end(p.client.conn, "streamed", 8)));
  CHECK_HEARD(p.server, EV_MESSAGE, 2, "streamed");
  CHECK_ERR(WSUV_EINVAL, send_frame(&p.client, 4, 0, 1, "not claimed"));
  CHECK_ERR(WSUV_EINVAL, send_frame(&p.client, 13, 0, 1, "not claimed"));
  CHECK_ERR(WSUV_EINVAL, send_frame(&p.client, 1, 2, 1, "not claimed"));
  CHECK_ERR(WSUV_EINVAL, send_frame(&p.client, 8, 0, 1, "not this way"));
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_close(p.client.conn, 1000, NULL)));
  CHECK_ERR(WSUV_ESTATE, send_frame(&p.client, 3, 0, 1, "too late"));
  pair_close(&p);
}

/* covers: EPT.13 PER.8 */
static void a_claimed_control_frame_that_nobody_takes_ends_the_connection(void **state) {
  wsuv_handler_t deaf = talker_handler;
  struct pair p;
  char url[64];
  (void)state;
  deaf.on_control = NULL;
  pair_init(&p);
  p.limits.opcodes = 1u << 12;
  CHECK_ERR(0, host_listen(&p.host, &p.listen));
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", p.host.port);
  p.connect.url = url;
  CHECK_ERR(0, CALL(&p.lb, wsuv_connect(p.lb.loop, &p.client.conn, &p.connect, &deaf, &p.client)));
  p.client.handed_out = 1;
  RUN_UNTIL(&p.lb, p.client.n[EV_OPEN] == 1 && p.host.ntalkers == 1);
  CHECK_ERR(0, send_frame(p.host.talkers[0], 12, 0, 1, "?"));
  RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1 && p.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EOPCODE, p.client.end.error);
  CHECK_STR("unknown opcode 12 (RFC 6455 5.2)", p.client.end.detail);
  CHECK_INT(1002, p.host.talkers[0]->end.code);
  pair_close(&p);
}

/* covers: EPT.12 */
static void pings_may_be_answered_by_the_application(void **state) {
  struct pair p;
  (void)state;
  pair_init(&p);
  p.limits.manual_pong = 1;
  pair_open(&p);
  CHECK_ERR(0, CALL(&p.lb, wsuv_conn_ping(p.client.conn, "p", 1)));
  CHECK_HEARD(p.server, EV_PING, 1, "p");
  CHECK_ERR(0, talker_say(p.server, "no Pong was sent before this"));
  RUN_UNTIL(&p.lb, p.client.n[EV_MESSAGE] == 1);
  CHECK_INT(0, p.client.n[EV_PONG]);
  CHECK_ERR(0, send_frame(p.server, WSUV_PONG, 0, 1, "p"));
  CHECK_HEARD(&p.client, EV_PONG, 1, "p");
  pair_close(&p);
}

static void claims_that_conflict_are_refused_before_anything_happens(void **state) {
  struct pair p;
  wsuv_extension_t broken = toy_runs;
  const wsuv_extension_t *const list[] = {&broken};
  (void)state;
  pair_init(&p);
  p.listen.extensions = p.connect.extensions = only_runs;
  p.listen.nextensions = p.connect.nextensions = 1;
  p.limits.rsv = 2;
  p.connect.url = "ws://127.0.0.1:1/";
  CHECK_ERR(WSUV_ECLAIM, host_listen(&p.host, &p.listen));
  CHECK_ERR(WSUV_ECLAIM, talker_connect(&p.client, &p.host, &p.connect));
  p.limits.rsv = 8;
  CHECK_ERR(WSUV_EINVAL, host_listen(&p.host, &p.listen));
  p.limits.rsv = 0;
  broken.rsv = 9;
  p.listen.extensions = p.connect.extensions = list;
  CHECK_ERR(WSUV_EINVAL, host_listen(&p.host, &p.listen));
  CHECK_ERR(WSUV_EINVAL, talker_connect(&p.client, &p.host, &p.connect));
  p.listen.extensions = NULL;
  CHECK_ERR(WSUV_EINVAL, host_listen(&p.host, &p.listen));
  pair_close(&p);
}

/* ---- hooks that end things ---- */

static struct pair *hooked;

static int terminate_and_accept(const wsuv_extension_t *extension,
                                const wsuv_extension_element_t *answer, void **session) {
  (void)extension;
  (void)answer;
  *session = toy_session_new();
  wsuv_conn_terminate(hooked->client.conn);
  return 0;
}

static int close_server_and_answer(const wsuv_extension_t *extension,
                                   const wsuv_extension_element_t *offer,
                                   wsuv_extension_writer_t *writer, void **session) {
  (void)offer;
  (void)writer;
  CALL_VOID(&hooked->lb, wsuv_server_close(hooked->host.server));
  if (extension->config != NULL)
    return WSUV_EINVAL;
  *session = toy_session_new();
  return WSUV_OFFER_ACCEPTED;
}

/* covers: EPT.12 */
static void a_client_may_be_terminated_while_it_judges_the_answer(void **state) {
  wsuv_extension_t hasty = toy_runs;
  const wsuv_extension_t *const list[] = {&hasty};
  struct pair p;
  (void)state;
  hooked = &p;
  hasty.accept = terminate_and_accept;
  pair_init(&p);
  p.listen.extensions = only_runs;
  p.connect.extensions = list;
  p.listen.nextensions = p.connect.nextensions = 1;
  CHECK_ERR(0, host_listen(&p.host, &p.listen));
  CHECK_ERR(0, talker_connect(&p.client, &p.host, &p.connect));
  RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1);
  CHECK_INT(0, (int)p.client.n[EV_OPEN]);
  CHECK_INT(0, p.client.end.opened);
  CHECK_ERR(WSUV_ECANCELED, p.client.end.error);
  pair_close(&p);
}

/* The request that is being judged is answered as any other that a closing server has not taken: 503. */
static void a_server_may_be_closed_while_it_judges_an_offer(void **state) {
  int fails;
  (void)state;
  for (fails = 0; fails < 2; fails++) {
    wsuv_extension_t hasty = toy_runs;
    const wsuv_extension_t *const list[] = {&hasty};
    struct pair p;
    hooked = &p;
    hasty.answer = close_server_and_answer;
    hasty.config = fails ? &p : NULL;
    pair_init(&p);
    p.listen.extensions = list;
    p.connect.extensions = only_runs;
    p.listen.nextensions = p.connect.nextensions = 1;
    CHECK_ERR(0, host_listen(&p.host, &p.listen));
    CHECK_ERR(0, talker_connect(&p.client, &p.host, &p.connect));
    RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1);
    CHECK_INT(503, p.client.end.http_status);
    RUN_UNTIL(&p.lb, p.host.nclosed == 1);
    pair_close(&p);
  }
}

static void end_with_the_loop(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  toy_runs.end(&toy_runs, session);
  loopback_end(&hooked->lb);
}

static void reject_upgrade(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0)));
}

static void a_loop_may_be_closed_by_the_session_of_a_rejected_request(void **state) {
  wsuv_extension_t hasty = toy_runs;
  const wsuv_extension_t *const list[] = {&hasty};
  struct pair p;
  (void)state;
  hooked = &p;
  hasty.end = end_with_the_loop;
  pair_init(&p);
  p.listen.extensions = list;
  p.connect.extensions = only_runs;
  p.listen.nextensions = p.connect.nextensions = 1;
  p.host.on_upgrade = reject_upgrade;
  CHECK_ERR(0, host_listen(&p.host, &p.listen));
  CHECK_ERR(0, talker_connect(&p.client, &p.host, &p.connect));
  RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1 && p.host.nclosed == 1);
  CHECK_INT(0, p.client.end.opened);
  pair_close(&p);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_transformed_both_ways),
      cmocka_unit_test(a_request_is_transformed_and_called_back),
      cmocka_unit_test(an_application_declines_one),
      cmocka_unit_test(a_server_without_it_answers_without_it),
      cmocka_unit_test(what_cannot_be_decoded_ends_the_connection),
      cmocka_unit_test(opcodes_and_bits_of_the_applications_own),
      cmocka_unit_test(a_claimed_control_frame_that_nobody_takes_ends_the_connection),
      cmocka_unit_test(pings_may_be_answered_by_the_application),
      cmocka_unit_test(claims_that_conflict_are_refused_before_anything_happens),
      cmocka_unit_test(a_client_may_be_terminated_while_it_judges_the_answer),
      cmocka_unit_test(a_server_may_be_closed_while_it_judges_an_offer),
      cmocka_unit_test(a_loop_may_be_closed_by_the_session_of_a_rejected_request),
  };
  return cmocka_run_group_tests_name("extension", tests, NULL, NULL);
}
