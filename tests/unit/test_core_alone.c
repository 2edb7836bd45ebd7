/* The core in a program that has no libuv, and an HTTP parser of its own: a whole conversation over any carrier of octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <sys/socket.h>
#include <unistd.h>
#endif

#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/endpoint.h"
#include "wsuv/handshake.h"

enum { OCTETS_MAX = 2048, PIECE = 5 };

struct octets {
  uint8_t data[OCTETS_MAX];
  size_t len;
};

static void append(struct octets *to, const void *data, size_t len) {
  CHECK_TRUE(len <= OCTETS_MAX - to->len);
  if (len > 0)
    memcpy(to->data + to->len, data, len);
  to->len += len;
}

/* ---- carriers: what goes in comes out, in short reads ---- */

static void carry_in_memory(const struct octets *in, struct octets *out) {
  append(out, in->data, in->len);
}

static void carry_in_a_file(const struct octets *in, struct octets *out) {
  uint8_t piece[PIECE];
  FILE *file = tmpfile();
  size_t n;
  CHECK_NOT_NULL(file);
  CHECK_SIZE(in->len, fwrite(in->data, 1, in->len, file));
  rewind(file);
  while ((n = fread(piece, 1, sizeof piece, file)) > 0)
    append(out, piece, n);
  fclose(file);
}

#ifndef _WIN32
/* Less than any pipe or socket buffers. */
static void carry_over(int from, int to, const struct octets *in, struct octets *out) {
  uint8_t piece[PIECE];
  ssize_t n;
  CHECK_INT((intmax_t)in->len, write(to, in->data, in->len));
  close(to);
  while ((n = read(from, piece, sizeof piece)) > 0)
    append(out, piece, (size_t)n);
  close(from);
}

static void carry_in_a_pipe(const struct octets *in, struct octets *out) {
  int ends[2];
  CHECK_INT(0, pipe(ends));
  carry_over(ends[0], ends[1], in, out);
}

static void carry_in_a_unix_socket(const struct octets *in, struct octets *out) {
  int ends[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  carry_over(ends[0], ends[1], in, out);
}
#endif

/* ---- the sides ---- */

struct side {
  wsuv_handshake_t *handshake;
  wsuv_endpoint_t *endpoint;
  struct octets out;
  char heard[256];
};

static void hear(struct side *side, const char *what, const void *text, size_t len) {
  size_t at = strlen(side->heard);
  snprintf(side->heard + at, sizeof side->heard - at, "%s %.*s;", what, (int)len,
           (const char *)text);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  hear(data, wsuv_opcode_name((int)type), payload, len);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  hear(data, "pong", payload, len);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  (void)code;
  hear(data, "close", reason, reason_len);
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_pong = on_pong, .on_close = on_close};

static void start(struct side *side, wsuv_role_t role) {
  wsuv_handshake_options_t opening = WSUV_HANDSHAKE_OPTIONS_INIT(role);
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(role);
  memset(side, 0, sizeof *side);
  opening.url = role == WSUV_CLIENT ? "ws://h/" : NULL;
  options.random = wsuv_random;
  CHECK_ERR(0, wsuv_handshake_new(&side->handshake, &opening));
  CHECK_ERR(0, wsuv_endpoint_new(&side->endpoint, &options, &handler, side));
}

static void end(struct side *side) {
  wsuv_handshake_free(side->handshake);
  wsuv_endpoint_free(side->endpoint);
}

static void take_output(struct side *side) {
  wsuv_span_t span;
  while (wsuv_endpoint_output(side->endpoint, &span, 1) > 0) {
    append(&side->out, span.data, span.len);
    wsuv_endpoint_output_done(side->endpoint, span.len);
  }
}

/* Reads up to the empty line, as a program does that has its own HTTP, and gives on what the fields were. Returns the place
 * behind the head. */
static size_t read_head(struct side *side, const struct octets *in) {
  const char *at = (const char *)in->data;
  const char *line_end;
  while ((line_end = strstr(at, "\r\n")) != at) {
    const char *colon = strchr(at, ':');
    CHECK_NOT_NULL(line_end);
    if (at != (const char *)in->data && colon != NULL)
      CHECK_ERR(0, wsuv_handshake_header(side->handshake, at, (size_t)(colon - at), colon + 2,
                                         (size_t)(line_end - colon - 2)));
    at = line_end + 2;
  }
  return (size_t)(at + 2 - (const char *)in->data);
}

/* As it was received: `first` octets at once, the rest one by one. */
static void receive(struct side *side, const struct octets *in, size_t at, size_t first) {
  size_t n = first;
  while (at < in->len) {
    struct guard_page page = guard_page_new(in->data + at, n);
    CHECK_ERR(0, wsuv_endpoint_receive(side->endpoint, page.data, n));
    guard_page_free(&page);
    at += n;
    n = 1;
  }
}

typedef void (*carry_fn)(const struct octets *in, struct octets *out);

struct carrier {
  const char *name;
  carry_fn carry;
};

static const struct carrier carriers[] = {
    {"memory", carry_in_memory},
    {"a regular file", carry_in_a_file},
#ifndef _WIN32
    {"a pipe", carry_in_a_pipe},
    {"a unix socket", carry_in_a_unix_socket},
#endif
};

static void ask(struct side *client) {
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_request(client->handshake, &text));
  append(&client->out, text.data, text.len);
}

static void answer(struct side *server, const struct octets *request) {
  static const wsuv_header_t extra = {"X-Own", "header", 0, 0};
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_request_line(server->handshake, "GET", 3, 1, 1));
  CHECK_SIZE(request->len, read_head(server, request));
  CHECK_ERR(0, wsuv_handshake_finish(server->handshake));
  CHECK_ERR(0, wsuv_handshake_response(server->handshake, &extra, 1, &text));
  append(&server->out, text.data, text.len);
  CHECK_ERR(0, wsuv_endpoint_send(server->endpoint, WSUV_TEXT, "Hello", 5));
  CHECK_ERR(0, wsuv_endpoint_ping(server->endpoint, "p", 1));
  CHECK_ERR(0, wsuv_endpoint_close(server->endpoint, 1000, "bye", 3));
  take_output(server);
}

/* `leftover`: octets of frames that were read together with the head. */
static void converse(carry_fn carry, size_t leftover) {
  static struct octets to_server;
  static struct octets to_client;
  struct side client;
  struct side server;
  size_t head_len;
  memset(&to_server, 0, sizeof to_server);
  memset(&to_client, 0, sizeof to_client);
  start(&client, WSUV_CLIENT);
  start(&server, WSUV_SERVER);
  ask(&client);
  carry(&client.out, &to_server);
  answer(&server, &to_server);
  carry(&server.out, &to_client);
  CHECK_ERR(0, wsuv_handshake_status_line(client.handshake, 101));
  head_len = read_head(&client, &to_client);
  CHECK_ERR(0, wsuv_handshake_finish(client.handshake));
  receive(&client, &to_client, head_len, leftover);
  CHECK_STR("text Hello;close bye;", client.heard);
  client.out.len = 0;
  take_output(&client);
  memset(&to_server, 0, sizeof to_server);
  carry(&client.out, &to_server);
  receive(&server, &to_server, 0, 1);
  CHECK_STR("pong p;close bye;", server.heard);
  CHECK_TRUE(wsuv_endpoint_wants_close(server.endpoint));
  end(&client);
  end(&server);
}

/* covers: CORE.1 CORE.2 IOC.1 IOC.5 */
static void run_carrier(const void *data) {
  converse(((const struct carrier *)data)->carry, 1);
}

/* The frames have 3, 7 and 7 octets: the Ping goes first. covers: IOC.6 */
static void any_number_of_octets_may_be_left_over_behind_the_head(void **state) {
  size_t n;
  (void)state;
  for (n = 0; n <= 7 + 3 + 7; n++)
    converse(carry_in_memory, n);
}

/* Everything is in the object: one endpoint works inside a callback of another one, in the middle of a frame of both. */
struct nested {
  wsuv_endpoint_t *inner;
  char heard[64];
};

static void feed_inner(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct nested *nested = data;
  struct guard_page page = guard_page_new(payload, len);
  CHECK_INT(WSUV_BINARY, type);
  CHECK_ERR(0, wsuv_endpoint_receive(nested->inner, page.data, len));
  guard_page_free(&page);
}

static void hear_inner(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct nested *nested = data;
  snprintf(nested->heard, sizeof nested->heard, "%d %.*s", (int)type, (int)len, (char *)payload);
}

static const wsuv_endpoint_handler_t outer_handler = {.size = sizeof outer_handler,
                                                      .on_message = feed_inner};
static const wsuv_endpoint_handler_t inner_handler = {.size = sizeof inner_handler,
                                                      .on_message = hear_inner};

/* covers: CORE.12 */
static void one_endpoint_works_inside_another_ones_callback(void **state) {
  static const uint8_t inner[] = "\x01\x02\xe2\x82\x00\x02\xacz\x80\x01!";
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  struct nested nested = {NULL, ""};
  wsuv_endpoint_t *outer;
  size_t i;
  (void)state;
  options.random = wsuv_random;
  CHECK_ERR(0, wsuv_endpoint_new(&outer, &options, &outer_handler, &nested));
  CHECK_ERR(0, wsuv_endpoint_new(&nested.inner, &options, &inner_handler, &nested));
  for (i = 0; i < sizeof inner - 1; i++) { /* each octet in two frames, four octets at a time */
    uint8_t octets[] = {0x02, 0, 0x80, 1, inner[i]};
    CHECK_ERR(0, wsuv_endpoint_receive(outer, octets, 3));
    CHECK_STR("", nested.heard);
    CHECK_ERR(0, wsuv_endpoint_receive(outer, octets + 3, 2));
  }
  CHECK_STR("1 \xe2\x82\xacz!", nested.heard);
  wsuv_endpoint_free(outer);
  wsuv_endpoint_free(nested.inner);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_number_of_octets_may_be_left_over_behind_the_head),
      cmocka_unit_test(one_endpoint_works_inside_another_ones_callback),
  };
  return CHECK_RUN_TABLE("carriers", carriers, run_carrier) +
         cmocka_run_group_tests_name("core_alone", tests, NULL, NULL);
}
