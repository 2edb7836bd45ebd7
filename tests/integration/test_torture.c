/* Whole scenarios with the n-th allocation failing, for every n: once, and from there on. Whatever happens, nothing crashes,
 * hangs or leaks, and errors are WSUV_ENOMEM or what follows from it at the other side. */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "integration/raw_peer.h"
#include "support/toy_extension.h"
#include "wsuv/deflate.h"

/* Which extensions both sides have. */
enum mode { TOYS, SHARED, DEDICATED };

struct play {
  struct loopback lb; /* first */
  struct host host;
  struct talker client;
  struct raw raw;
  wsuv_deflate_t *deflate; /* NULL: toys, no memory, or a build without it */
  const wsuv_extension_t *extensions[2];
  size_t nextensions;
  wsuv_prepared_t *prepared;
};

typedef void (*play_fn)(struct play *p);

static void client_hears(struct talker *t, enum event event) {
  static const char payload[100000] = "some text that spans reads";

  if (event == EV_OPEN) {
    (void)CALL(t->lb, wsuv_conn_send_binary(t->conn, payload, sizeof payload));
    (void)CALL(t->lb, wsuv_conn_ping(t->conn, "p", 1));
  }
  if (event == EV_MESSAGE)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, "done"));
}

/* Where the memory for the message is missing at either side, the other would wait for ever. */
static void server_hears(struct talker *t, enum event event) {
  if (event == EV_MESSAGE && CALL(t->lb, wsuv_conn_send_binary(t->conn, t->payload, t->len)) != 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

static struct play *play_of(const struct talker *t) {
  return WSUV__LIST_ENTRY(t->lb, struct play, lb);
}

/* Behind a failure the connection may be closing. */
static void may_fail(int err) {
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM || err == WSUV_ESTATE);
}

static void stream(struct talker *t) {
  static const char text[20000] = "a chunk that becomes short";

  may_fail(CALL(t->lb, wsuv_conn_send_begin(t->conn, WSUV_BINARY, 0)));
  may_fail(CALL(t->lb, wsuv_conn_send_chunk(t->conn, text, sizeof text, 0)));
  may_fail(CALL(t->lb, wsuv_conn_send_chunk(t->conn, text, 1000, WSUV_SEND_FLUSH)));
  may_fail(CALL(t->lb, wsuv_conn_ping(t->conn, "p", 1)));
  may_fail(CALL(t->lb, wsuv_conn_send_end(t->conn, text, sizeof text)));
}

static void send_prepared(struct talker *t) {
  may_fail(CALL(t->lb, wsuv_conn_send_prepared(t->conn, play_of(t)->prepared)));
}

static void client_streams(struct talker *t, enum event event) {
  if (event == EV_OPEN) {
    send_prepared(t);
    stream(t);
    send_prepared(t);
  }
  if (event == EV_MESSAGE && t->n[EV_MESSAGE] == 3)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, "done"));
}

static void server_streams(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    send_prepared(t);
}

static int connect_now(struct play *p) {
  static const char *const subprotocols[] = {"a", "b"};
  static const wsuv_header_t header = {"X-Torture", "yes", 0, 0};
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  int err;

  to.subprotocols = subprotocols;
  to.nsubprotocols = 2;
  to.headers = &header;
  to.nheaders = 1;
  to.extensions = p->extensions;
  to.nextensions = p->nextensions;
  talker_init(&p->client, &p->lb);
  p->client.on_event = p->prepared != NULL ? client_streams : client_hears;
  err = talker_connect(&p->client, &p->host, &to);
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  return err;
}

/* Between host_init and this the host gets its on_upgrade. */
static int listen_now(struct play *p) {
  static const char *const subprotocols[] = {"b"};
  static const char *const origins[] = {"http://o"};
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  int err;

  p->host.on_event = p->prepared != NULL ? server_streams : server_hears;
  options.subprotocols = subprotocols;
  options.nsubprotocols = 1;
  options.origins = origins;
  options.norigins = 1;
  options.extensions = p->extensions;
  options.nextensions = p->nextensions;
  err = host_listen(&p->host, &options);
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  return err;
}

/* Until the client ended; where its own send failed it has nothing to wait for. */
static void run_client(struct play *p) {
  int turns = 0;

  while (p->client.n[EV_CLOSE] == 0 && turns < 200) {
    if (p->client.n[EV_OPEN] > 0)
      turns++;
    (void)uv_run(&p->lb.uv, p->client.n[EV_OPEN] > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  }
}

static void play_echo(struct play *p) {
  host_init(&p->host, &p->lb);
  if (listen_now(p) == 0 && connect_now(p) == 0)
    run_client(p);
}

static void play_refused(struct play *p) {
  p->host.port = 1; /* tcpmux: nobody listens there */
  if (connect_now(p) == 0)
    RUN_UNTIL(&p->lb, p->client.n[EV_CLOSE] == 1);
}

static void reject(struct host *host, wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t header = {"X-Why", "torture", 0, 0};

  if (CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, &header, 1, "no", 2)) == WSUV_ENOMEM)
    host->upgrade = upgrade;
}

static void release_upgrade(struct play *p, int err) {
  loopback_end(&p->lb);
  loopback_run_out(&p->lb);
  if (p->host.upgrade != NULL)
    CHECK_ERR(err, CALL(&p->lb, wsuv_upgrade_accept(p->host.upgrade, NULL)));
}

static void play_reject(struct play *p) {
  host_init(&p->host, &p->lb);
  p->host.on_upgrade = reject;
  if (listen_now(p) == 0 && connect_now(p) == 0)
    RUN_UNTIL(&p->lb, p->client.n[EV_CLOSE] == 1 || p->host.upgrade != NULL);
  release_upgrade(p, WSUV_ECANCELED);
}

static void accept_late(struct play *p) {
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;
  int err;

  options.subprotocol = "a";
  err = CALL(&p->lb, wsuv_upgrade_accept(p->host.upgrade, &options));
  if (err == WSUV_ENOMEM) { /* the request still waits, and may be answered in another way */
    options.subprotocol = "b";
    err = CALL(&p->lb, wsuv_upgrade_accept(p->host.upgrade, &options));
  }
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM || err == WSUV_ECANCELED);
  if (err != WSUV_ENOMEM)
    p->host.upgrade = NULL;
}

static void play_late(struct play *p) {
  host_init(&p->host, &p->lb);
  p->host.on_upgrade = host_decide_late;
  if (listen_now(p) == 0 && connect_now(p) == 0) {
    RUN_UNTIL(&p->lb, p->client.n[EV_CLOSE] == 1 || p->host.upgrade != NULL);
    if (p->host.upgrade != NULL)
      accept_late(p);
    if (p->host.upgrade == NULL)
      run_client(p);
  }
  release_upgrade(p, WSUV_ECANCELED);
}

/* The peer leaves while the application decides. */
static void play_orphan(struct play *p) {
  host_init(&p->host, &p->lb);
  p->host.on_upgrade = host_decide_late;
  if (listen_now(p) == 0 && connect_now(p) == 0) {
    RUN_UNTIL(&p->lb, p->client.n[EV_CLOSE] == 1 || p->host.upgrade != NULL);
    if (p->client.conn != NULL)
      CALL_VOID(&p->lb, wsuv_conn_terminate(p->client.conn));
  }
  release_upgrade(p, WSUV_ECANCELED);
}

#define REQUEST                                                            \
  "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"        \
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

/* A message, compressed if it may be (RFC 7692 7.2.3.1), a Ping and a Close. */
static size_t put_frames(const struct play *p, uint8_t *out) {
  static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07";
  size_t len;

  if (p->deflate != NULL) {
    len = frame_put(out, WSUV_CLIENT, WSUV_TEXT, hello, sizeof hello);
    out[0] |= 0x40; /* RSV1 */
  } else {
    len = frame_put(out, WSUV_CLIENT, WSUV_TEXT, "first", 5);
  }
  len += frame_put(out + len, WSUV_CLIENT, WSUV_PING, "p", 1);
  return len + frame_put(out + len, WSUV_CLIENT, WSUV_CLOSE, "\x03\xe8", 2);
}

/* Frames behind what begins with an upgrade at the latest, to a host that is set up. */
static void run_torn(struct play *p, const char *head) {
  uint8_t bytes[800];
  size_t len = strlen(head);
  struct raw *raw = &p->raw;
  int i;

  if (listen_now(p) != 0)
    return;
  memcpy(bytes, head, len);
  raw_connect(raw, &p->lb, p->host.port);
  len += put_frames(p, bytes + len);
  RUN_UNTIL(&p->lb, raw->connected);
  for (i = 0; i < 8; i++) { /* torn, so that pieces are collected */
    raw_send(raw, bytes + len * (size_t)i / 8, len * (size_t)(i + 1) / 8 - len * (size_t)i / 8);
    RUN_UNTIL(&p->lb, raw->nwriting == 0);
    (void)uv_run(&p->lb.uv, UV_RUN_NOWAIT);
  }
  RUN_UNTIL(&p->lb, raw->eof || raw->error != 0 || p->host.upgrade != NULL);
}

static void play_torn(struct play *p) {
  host_init(&p->host, &p->lb);
  run_torn(p, REQUEST);
}

/* Where there is no memory for any answer the request is released at the end. */
static void respond(struct host *host, wsuv_upgrade_t *request) {
  static const wsuv_header_t header = {"X-Why", "torture", 0, 0};
  int err = CALL(host->lb, wsuv_upgrade_respond(request, 200, &header, 1, "hi", 2));

  if (err == WSUV_ENOMEM)
    err = CALL(host->lb, wsuv_upgrade_redirect(request, 302, "/"));
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  if (err == WSUV_ENOMEM)
    host->upgrade = request;
}

/* Requests, then an upgrade, torn and sent ahead. */
static void play_respond(struct play *p) {
  host_init(&p->host, &p->lb);
  p->host.on_request = respond;
  run_torn(p, "GET /a HTTP/1.1\r\nHost: b\r\n\r\nHEAD /b HTTP/1.1\r\nHost: b\r\n\r\n"
              "GET /c HTTP/1.1\r\nHost: b\r\n\r\n" REQUEST);
  release_upgrade(p, WSUV_ECANCELED);
}

/* Both sides send what is prepared; the client streams, and closes when it has heard all of it. */
static void play_streams(struct play *p) {
  static const char news[] =
      "the same for all, the same for all, the same for all, the same for all";
  int err =
      wsuv_prepared_new(&p->prepared, &p->lb.fa.allocator, WSUV_TEXT, news, sizeof news - 1, 0);

  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  host_init(&p->host, &p->lb);
  if (err == 0 && listen_now(p) == 0 && connect_now(p) == 0)
    run_client(p);
  wsuv_prepared_free(p->prepared);
}

struct row {
  const char *name;
  play_fn play;
  enum mode mode;
};

static const struct row rows[] = {
    {"echo and close", play_echo, TOYS},
    {"connection refused", play_refused, TOYS},
    {"reject", play_reject, TOYS},
    {"accept late", play_late, TOYS},
    {"the peer leaves", play_orphan, TOYS},
    {"a torn request and frames", play_torn, TOYS},
    {"streams and a prepared message", play_streams, TOYS},
    {"requests before it", play_respond, TOYS},
    {"echo and close, shared", play_echo, SHARED},
    {"echo and close, dedicated", play_echo, DEDICATED},
    {"connection refused, deflate", play_refused, SHARED},
    {"reject, deflate", play_reject, SHARED},
    {"accept late, deflate", play_late, DEDICATED},
    {"the peer leaves, deflate", play_orphan, SHARED},
    {"a torn request and frames, shared", play_torn, SHARED},
    {"a torn request and frames, dedicated", play_torn, DEDICATED},
    {"streams and a prepared message, shared", play_streams, SHARED},
    {"streams and a prepared message, dedicated", play_streams, DEDICATED},
};

static void make_deflate(struct play *p, enum mode mode) {
  static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
  static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_options_t o = mode == SHARED ? shared : dedicated;
  int err;

  o.allocator = &p->lb.fa.allocator;
  err = wsuv_deflate_new(&p->deflate, &o);
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM || err == WSUV_ENODEFLATE);
  if (err != 0)
    return;
  p->extensions[0] = wsuv_deflate_extension(p->deflate);
  p->nextensions = 1;
}

static void make_extensions(struct play *p, enum mode mode) {
  if (mode != TOYS) {
    make_deflate(p, mode);
    return;
  }
  p->extensions[0] = &toy_runs;
  p->extensions[1] = &toy_count;
  p->nextensions = 2;
}

static void end(struct play *p) {
  loopback_end(&p->lb);
  RUN_UNTIL(&p->lb, p->lb.loop_closed);
  wsuv_deflate_free(p->deflate);
  loopback_close(&p->lb);
  CHECK_INT(0, toy_sessions_alive());
}

static int play_with(const void *given, struct failure failure) {
  const struct row *row = given;
  static struct play p;
  int failed;

  memset(&p, 0, sizeof p);
  loopback_open(&p.lb);
  failing_alloc_fail_as(&p.lb.fa, failure);
  make_extensions(&p, row->mode);
  row->play(&p);
  failed = failing_alloc_has_failed(&p.lb.fa);
  end(&p);
  return failed;
}

static void test_row(const void *given) {
  size_t step = loopback_is_slow() ? 7 : 1;

  CHECK_TRUE(failing_alloc_torture(play_with, given, 1, step) > 5);
  (void)failing_alloc_torture(play_with, given, 0, step);
}

/* The loop itself. */
static void test_loop(void **state) {
  struct failing_alloc fa;
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  wsuv_loop_t *loop;
  uv_loop_t uv;
  size_t n;
  (void)state;

  CHECK_ERR(0, uv_loop_init(&uv));
  for (n = 1;; n++) {
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    options.allocator = &fa.allocator;
    if (wsuv_loop_new(&loop, &uv, &options) == 0)
      break;
    CHECK_NULL(loop);
    failing_alloc_check_no_leaks(&fa);
  }
  CHECK_TRUE(n > 1);
  CHECK_ERR(0, wsuv_loop_close(loop, NULL, NULL));
  (void)uv_run(&uv, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&uv));
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_loop)};
  int failures = CHECK_RUN_TABLE("torture", rows, test_row);

  failures += cmocka_run_group_tests_name("loop", tests, NULL, NULL);
  return failures;
}
