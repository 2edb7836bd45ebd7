#include "integration/tls_ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one end ---- */

static struct tls_end *end_of(const wsuv_tls_t *tls) {
  struct tls_end *end = wsuv_tls_data(tls);

  CHECK_PTR(tls, end->tls);
  return end;
}

static void note(struct tls_end *end, enum end_event event) {
  char letter = "sredc"[event];
  int repeats = (event == END_READ || event == END_DRAIN) && end->log_len > 0 &&
                end->log[end->log_len - 1] == letter;

  CHECK_INT(0, end->lb->in_call);
  CHECK_SIZE(0, end->n[END_CLOSE]);
  CHECK_TRUE(event == END_SECURE || event == END_CLOSE || end->n[END_SECURE] == 1);
  if (event == END_READ || event == END_END) {
    CHECK_INT(0, end->stopped);
    CHECK_SIZE(0, end->n[END_END]);
  }
  end->n[event]++;
  if (!repeats && end->log_len + 1 < sizeof end->log)
    end->log[end->log_len++] = letter;
  if (end->on_event != NULL)
    end->on_event(end, event);
}

static void on_secure(wsuv_tls_t *tls) {
  note(end_of(tls), END_SECURE);
}

static void on_read(wsuv_tls_t *tls, uint8_t *bytes, size_t len) {
  struct tls_end *end = end_of(tls);

  CHECK_TRUE(len > 0);
  if (end->in_cap - end->in_len < len) {
    end->in_cap = 2 * (end->in_len + len);
    end->in = realloc(end->in, end->in_cap);
    CHECK_NOT_NULL(end->in);
  }
  memcpy(end->in + end->in_len, bytes, len);
  end->in_len += len;
  memset(bytes, 0xdd, len);
  note(end, END_READ);
}

static void on_end(wsuv_tls_t *tls) {
  note(end_of(tls), END_END);
}

static void on_drain(wsuv_tls_t *tls) {
  CHECK_SIZE(0, wsuv_tls_queued(tls));
  note(end_of(tls), END_DRAIN);
}

static void on_close(wsuv_tls_t *tls, int error, const char *detail) {
  struct tls_end *end = end_of(tls);

  CHECK_INT(0, end->given.ndone);
  CHECK_TRUE(detail[0] != '\0');
  CHECK_NULL(strchr(detail, '\n'));
  end->error = error;
  (void)snprintf(end->detail, sizeof end->detail, "%s", detail);
  note(end, END_CLOSE);
  end->tls = NULL;
}

const wsuv_tls_handler_t end_handler = {
    .size = sizeof(wsuv_tls_handler_t),
    .on_secure = on_secure,
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
    .on_close = on_close,
};

static void stream_done(uv_handle_t *handle) {
  struct tls_end *end = handle->data;

  CHECK_NULL(end->tls);
  CHECK_SIZE(1, end->n[END_CLOSE]);
  given_done(handle);
}

void end_init(struct tls_end *end, struct loopback *lb, wsuv_role_t role,
              wsuv_tls_context_t *context) {
  static const wsuv_tls_open_options_t options = WSUV_TLS_OPEN_OPTIONS_INIT;

  memset(end, 0, sizeof *end);
  end->lb = lb;
  end->role = role;
  end->context = context;
  end->adopt = given_options(0, NULL, 0);
  end->adopt.close_cb = stream_done;
  end->open = options;
  end->open.host = role == WSUV_CLIENT ? "localhost" : NULL;
  end->open.adopt = &end->adopt;
}

int end_open(struct tls_end *end) {
  int err = CALL(end->lb, wsuv_tls_open(end->lb->loop, &end->tls, end->given.stream, end->context,
                                        &end->open, &end_handler, end));

  CHECK_TRUE((err == 0) == (end->tls != NULL));
  return err;
}

void end_free(struct tls_end *end) {
  CHECK_NULL(end->tls);
  CHECK_NULL(end->given.handle);
  wsuv_tls_context_release(end->context);
  free(end->in);
}

void end_write(struct tls_end *end, const void *bytes, size_t len) {
  CHECK_ERR(0, CALL(end->lb, wsuv_tls_write(end->tls, bytes, len)));
}

void end_say(struct tls_end *end, const char *text) {
  end_write(end, text, strlen(text));
}

void end_shut(struct tls_end *end) {
  CHECK_ERR(0, CALL(end->lb, wsuv_tls_shutdown(end->tls)));
}

void end_close(struct tls_end *end) {
  if (end->tls != NULL)
    CALL_VOID(end->lb, wsuv_tls_close(end->tls));
}

void end_stop(struct tls_end *end) {
  end->stopped = 1;
  CALL_VOID(end->lb, wsuv_tls_read_stop(end->tls));
}

void end_start(struct tls_end *end) {
  end->stopped = 0;
  CALL_VOID(end->lb, wsuv_tls_read_start(end->tls));
}

void end_cut(struct tls_end *end) {
  given_close(&end->given);
}

/* ---- two of them ---- */

static void make_ends(struct tls_ends *ends) {
  memset(ends, 0, sizeof *ends);
  loopback_open(&ends->lb);
  party_init(&ends->server_side, "server", NULL);
  party_init(&ends->client_side, NULL, "ca");
  end_init(&ends->server, &ends->lb, WSUV_SERVER,
           party_context(&ends->server_side, &ends->lb, WSUV_SERVER));
  end_init(&ends->client, &ends->lb, WSUV_CLIENT,
           party_context(&ends->client_side, &ends->lb, WSUV_CLIENT));
}

void ends_init(struct tls_ends *ends, enum given_kind kind) {
  make_ends(ends);
  given_pair(&ends->server.given, &ends->client.given, &ends->lb, kind);
}

void ends_open(struct tls_ends *ends) {
  CHECK_ERR(0, end_open(&ends->server));
  CHECK_ERR(0, end_open(&ends->client));
}

static int are_secure(const struct tls_ends *ends) {
  return ends->server.n[END_SECURE] > 0 && ends->client.n[END_SECURE] > 0;
}

void ends_secure(struct tls_ends *ends) {
  ends_open(ends);
  RUN_UNTIL(&ends->lb, are_secure(ends));
}

/* A stream that was not taken, or that the test cut, is the test's to close. */
static void let_go(struct tls_end *end) {
  if (end->given.ndone == 0)
    given_close(&end->given);
}

void ends_close(struct tls_ends *ends) {
  end_close(&ends->server);
  end_close(&ends->client);
  RUN_UNTIL(&ends->lb, ends->server.tls == NULL && ends->client.tls == NULL);
  turns(&ends->lb, 2); /* to close_cb */
  let_go(&ends->server);
  let_go(&ends->client);
  loopback_end(&ends->lb);
  loopback_run_out(&ends->lb);
  end_free(&ends->server);
  end_free(&ends->client);
  loopback_close(&ends->lb);
}

/* ---- and what is between ---- */

void relay_init(struct tls_relay *relay, enum given_kind kind) {
  struct tls_ends *ends = &relay->ends;

  make_ends(ends);
  CHECK_INT(0, given_open(&ends->server.given, &relay->to_server, &ends->lb, kind));
  CHECK_INT(0, given_open(&ends->client.given, &relay->to_client, &ends->lb, kind));
}

static void pass(struct raw *from, struct raw *to) {
  size_t len = from->in_len - from->at;

  if (len > 0 && !to->closing)
    raw_send(to, from->in + from->at, len);
  from->at = from->in_len;
}

void relay_turn(struct tls_relay *relay) {
  pass(&relay->to_server, &relay->to_client);
  pass(&relay->to_client, &relay->to_server);
  loopback_turn(&relay->ends.lb);
}

void relay_secure(struct tls_relay *relay) {
  ends_open(&relay->ends);
  while (!are_secure(&relay->ends))
    relay_turn(relay);
}

void relay_close(struct tls_relay *relay) {
  ends_close(&relay->ends);
}

/* ---- for all ---- */

uint8_t *pattern_new(size_t len) {
  uint8_t *bytes = malloc(len + 1);
  uint32_t x = 1;
  size_t i;

  CHECK_NOT_NULL(bytes);
  for (i = 0; i < len; i++) {
    x = x * 1664525u + 1013904223u;
    bytes[i] = (uint8_t)(x >> 24);
  }
  return bytes;
}

void turns(struct loopback *lb, int n) {
  int i;

  for (i = 0; i < n; i++)
    (void)uv_run(&lb->uv, UV_RUN_NOWAIT);
}
