/* TLS without WebSocket, as long as all goes well: facts, data both ways, half-close. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_ends.h"

#if !defined(_WIN32)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

#define MANY (5u * 1024 * 1024)

static const enum given_kind kinds[] = {GIVEN_TCP, GIVEN_PIPE};
#define NKINDS 2

/* ---- the handshake ---- */

static void check_nothing_yet(struct tls_end *end) {
  wsuv_tls_info_t info;
  char text[100];

  CHECK_ERR(WSUV_ESTATE, CALL(end->lb, wsuv_tls_write(end->tls, "early", 5)));
  CHECK_ERR(WSUV_ESTATE, CALL(end->lb, wsuv_tls_shutdown(end->tls)));
  CHECK_ERR(WSUV_ESTATE, CALL(end->lb, wsuv_tls_info(end->tls, &info)));
  CHECK_ERR(WSUV_ESTATE,
            CALL(end->lb, wsuv_tls_peer(end->tls, WSUV_TLS_PEER_SUBJECT, text, sizeof text)));
  CHECK_SIZE(0, CALL(end->lb, (int)wsuv_tls_queued(end->tls)));
  CHECK_PTR(end, wsuv_tls_data(end->tls));
}

static void check_facts(struct tls_ends *ends, const char *version) {
  wsuv_tls_info_t info;
  char text[100];

  CHECK_ERR(0, wsuv_tls_info(ends->client.tls, &info));
  CHECK_STR(version, info.version);
  CHECK_STR("http/1.1", info.alpn);
  CHECK_INT(1, info.peer_verified);
  CHECK_INT(0, info.resumed);
  CHECK_ERR(0, wsuv_tls_peer(ends->client.tls, WSUV_TLS_PEER_FINGERPRINT, text, sizeof text));
  CHECK_SIZE(64, strlen(text));
  CHECK_ERR(WSUV_ENOBUFS, wsuv_tls_peer(ends->client.tls, WSUV_TLS_PEER_FINGERPRINT, text, 64));
  CHECK_ERR(0, wsuv_tls_info(ends->server.tls, &info));
  CHECK_STR(version, info.version);
  CHECK_STR("localhost", info.server_name);
  CHECK_INT(0, info.peer_verified);
  CHECK_ERR(WSUV_ENOCERT,
            wsuv_tls_peer(ends->server.tls, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
}

static void test_facts(void **state) {
  static const struct {
    int version;
    const char *name;
  } rows[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};
  size_t i;
  (void)state;

  for (i = 0; i < 2 * NKINDS; i++) {
    struct tls_ends ends;

    ends_init(&ends, kinds[i % 2]);
    tls_limit(ends.server.context, rows[i / 2].version);
    ends_open(&ends);
    check_nothing_yet(&ends.server);
    check_nothing_yet(&ends.client);
    RUN_UNTIL(&ends.lb, ends.server.n[END_SECURE] == 1 && ends.client.n[END_SECURE] == 1);
    check_facts(&ends, rows[i / 2].name);
    ends_close(&ends);
    CHECK_STR("sc", ends.client.log);
    CHECK_ERR(0, ends.client.error);
  }
}

/* With defaults the stream is given back, and nobody told. */
static void test_without_options(void **state) {
  struct tls_ends ends;
  (void)state;

  ends_init(&ends, GIVEN_TCP);
  CHECK_ERR(0,
            CALL(&ends.lb, wsuv_tls_open(ends.lb.loop, &ends.server.tls, ends.server.given.stream,
                                         ends.server.context, NULL, &end_handler, &ends.server)));
  CHECK_ERR(0, end_open(&ends.client));
  RUN_UNTIL(&ends.lb, ends.server.n[END_SECURE] == 1);
  end_close(&ends.server);
  RUN_UNTIL(&ends.lb, ends.server.tls == NULL);
  CHECK_PTR(&ends.server, ends.server.given.stream->data);
  CHECK_FALSE(uv_is_closing((uv_handle_t *)ends.server.given.stream));
  ends_close(&ends);
  CHECK_INT(0, ends.server.given.ndone);
  CHECK_STR("sec", ends.client.log);
}

#if !defined(_WIN32)
static int has_no_delay(struct tls_end *end) {
  uv_os_fd_t fd;
  int on = 0;
  socklen_t size = sizeof on;

  CHECK_ERR(0, uv_fileno((uv_handle_t *)end->given.stream, &fd));
  CHECK_INT(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size));
  return on != 0;
}

static void test_no_delay(void **state) {
  struct tls_ends ends;
  (void)state;

  ends_init(&ends, GIVEN_TCP);
  CHECK_FALSE(has_no_delay(&ends.server));
  ends_open(&ends);
  CHECK_TRUE(has_no_delay(&ends.server));
  CHECK_TRUE(has_no_delay(&ends.client));
  ends_close(&ends);
}
#endif

/* Handlers are optional, but for on_close. */
static void count_close(wsuv_tls_t *tls, int error, const char *detail) {
  int *nclosed = wsuv_tls_data(tls);

  CHECK_ERR(0, error);
  CHECK_TRUE(detail[0] != '\0');
  ++*nclosed;
}

static void test_only_on_close(void **state) {
  static const wsuv_tls_handler_t handler = {.size = sizeof handler, .on_close = count_close};
  struct tls_ends ends;
  wsuv_tls_t *tls;
  uint8_t *bytes = pattern_new(MANY);
  int nclosed = 0;
  (void)state;

  ends_init(&ends, GIVEN_PIPE);
  ends.server.adopt.close_cb = NULL;
  CHECK_ERR(
      0, CALL(&ends.lb, wsuv_tls_open(ends.lb.loop, &tls, ends.server.given.stream,
                                      ends.server.context, &ends.server.open, &handler, &nclosed)));
  CHECK_ERR(0, end_open(&ends.client));
  RUN_UNTIL(&ends.lb, ends.client.n[END_SECURE] == 1);
  end_write(&ends.client, bytes, MANY);
  end_shut(&ends.client);
  RUN_UNTIL(&ends.lb, nclosed == 1); /* there is no on_end */
  RUN_UNTIL(&ends.lb, ends.client.tls == NULL);
  CHECK_STR("sdec", ends.client.log);
  CHECK_ERR(0, ends.client.error);
  ends_close(&ends);
  free(bytes);
}

/* ---- data ---- */

static void send_both(struct tls_ends *ends, const uint8_t *bytes, size_t len) {
  end_write(&ends->client, bytes, len);
  end_write(&ends->server, bytes, len);
  RUN_UNTIL(&ends->lb, ends->server.in_len == len && ends->client.in_len == len);
  CHECK_BYTES(bytes, len, ends->server.in, len);
  CHECK_BYTES(bytes, len, ends->client.in, len);
  RUN_UNTIL(&ends->lb,
            wsuv_tls_queued(ends->server.tls) == 0 && wsuv_tls_queued(ends->client.tls) == 0);
  ends->server.in_len = 0;
  ends->client.in_len = 0;
}

static void test_sizes(void **state) {
  static const size_t sizes[] = {1,     2,     100,   16383,  16384,  16385, 65535,
                                 65536, 65537, 70000, 200000, 999999, MANY};
  uint8_t *bytes = pattern_new(MANY);
  size_t i;
  size_t k;
  (void)state;

  for (k = 0; k < NKINDS; k++) {
    struct tls_ends ends;

    ends_init(&ends, kinds[k]);
    ends_secure(&ends);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
      send_both(&ends, bytes, sizes[i]);
    end_write(&ends.client, NULL, 0);
    end_write(&ends.client, "", 0);
    turns(&ends.lb, 3);
    CHECK_SIZE(0, ends.server.in_len);
    ends_close(&ends);
  }
  free(bytes);
}

static void send_early(struct tls_end *end, enum end_event event) {
  if (event != END_SECURE)
    return;
  end_write(end, end->arg, MANY / 2);
  end_write(end, (uint8_t *)end->arg + MANY / 2, MANY - MANY / 2);
  end_shut(end);
}

/* All of it inside of on_secure, to a peer that may not be that far yet. */
static void test_all_at_once(void **state) {
  uint8_t *bytes = pattern_new(MANY);
  size_t k;
  (void)state;

  for (k = 0; k < NKINDS; k++) {
    struct tls_ends ends;

    ends_init(&ends, kinds[k]);
    ends.server.arg = ends.client.arg = bytes;
    ends.server.on_event = ends.client.on_event = send_early;
    ends_open(&ends);
    RUN_UNTIL(&ends.lb, ends.server.tls == NULL && ends.client.tls == NULL);
    CHECK_BYTES(bytes, MANY, ends.server.in, ends.server.in_len);
    CHECK_BYTES(bytes, MANY, ends.client.in, ends.client.in_len);
    CHECK_ERR(0, ends.server.error);
    CHECK_ERR(0, ends.client.error);
    ends_close(&ends);
  }
  free(bytes);
}

/* ---- half-close ---- */

static void answer(struct tls_end *end, enum end_event event) {
  if (event != END_END)
    return;
  end_write(end, end->arg, MANY);
  end_write(end, "end", 3);
  end_shut(end);
}

static void test_half_close(void **state) {
  uint8_t *bytes = pattern_new(MANY);
  size_t i;
  (void)state;

  for (i = 0; i < 2 * NKINDS; i++) {
    struct tls_ends ends;

    ends_init(&ends, kinds[i % 2]);
    ends.server.adopt.own = ends.client.adopt.own = (int)(i / 2);
    ends.server.on_event = answer;
    ends.server.arg = bytes;
    ends_secure(&ends);
    end_say(&ends.client, "question");
    end_shut(&ends.client);
    CHECK_ERR(WSUV_ESTATE, CALL(&ends.lb, wsuv_tls_write(ends.client.tls, "x", 1)));
    CHECK_ERR(WSUV_ESTATE, CALL(&ends.lb, wsuv_tls_shutdown(ends.client.tls)));
    RUN_UNTIL(&ends.lb, ends.server.tls == NULL && ends.client.tls == NULL);
    CHECK_BYTES("question", 8, ends.server.in, ends.server.in_len);
    CHECK_SIZE(MANY + 3, ends.client.in_len);
    CHECK_BYTES(bytes, MANY, ends.client.in, MANY);
    CHECK_STR("srec", ends.client.log);
    CHECK_STR("sredc", ends.server.log);
    CHECK_ERR(0, ends.server.error);
    CHECK_ERR(0, ends.client.error);
    RUN_UNTIL(&ends.lb, ends.server.given.ndone == 1 && ends.client.given.ndone == 1);
    CHECK_INT(i / 2, ends.server.given.closed_by_library);
    ends_close(&ends);
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_facts),
    cmocka_unit_test(test_without_options),
#if !defined(_WIN32)
    cmocka_unit_test(test_no_delay),
#endif
    cmocka_unit_test(test_only_on_close),
    cmocka_unit_test(test_sizes),
    cmocka_unit_test(test_all_at_once),
    cmocka_unit_test(test_half_close),
  };
  return cmocka_run_group_tests_name("tls_alone", tests, NULL, NULL);
}
