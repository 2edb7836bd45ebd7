/* TLS without WebSocket, when one side is slower than the other: the queue, and reading that stops. */
#include <stdlib.h>

#include "base/list.h"
#include "integration/tls_ends.h"

#if !defined(_WIN32)
#include <sys/socket.h>
#include <unistd.h>
#endif

#define MANY (5u * 1024 * 1024)

static const enum given_kind kinds[] = {GIVEN_TCP, GIVEN_PIPE};
#define NKINDS 2

/* ---- the queue ---- */

/* Nobody reads: what the kernel has not taken stays, to the octet, and grows by what is written. */
static void test_queue(void **state) {
  uint8_t *bytes = pattern_new(MANY + 1000);
  size_t k;
  (void)state;

  for (k = 0; k < NKINDS; k++) {
    struct tls_ends ends;
    size_t queued;

    ends_init(&ends, kinds[k]);
    ends_secure(&ends);
    end_stop(&ends.server);
    turns(&ends.lb, 5); /* what OpenSSL sends behind the handshake is gone */
    end_write(&ends.client, bytes, MANY);
    CHECK_TRUE(wsuv_tls_queued(ends.client.tls) > 0);
    turns(&ends.lb, 100);
    queued = wsuv_tls_queued(ends.client.tls);
    CHECK_TRUE(queued > 0 && queued < MANY);
    turns(&ends.lb, 10);
    CHECK_SIZE(queued, wsuv_tls_queued(ends.client.tls));
    end_write(&ends.client, bytes + MANY, 1000);
    CHECK_SIZE(queued + 1000, wsuv_tls_queued(ends.client.tls));
    CHECK_SIZE(0, ends.client.n[END_DRAIN]);
    end_start(&ends.server);
    RUN_UNTIL(&ends.lb, ends.client.n[END_DRAIN] == 1 && ends.server.in_len == MANY + 1000);
    CHECK_BYTES(bytes, MANY + 1000, ends.server.in, ends.server.in_len);
    turns(&ends.lb, 5);
    CHECK_SIZE(1, ends.client.n[END_DRAIN]);
    ends_close(&ends);
  }
  free(bytes);
}

/* Until the kernel takes no more: on_drain is owed whoever holds the rest, the queue or TLS. */
static void test_drain_after_every_size(void **state) {
  static const size_t sizes[] = {1000, 16384, 65536, 100000};
  uint8_t *bytes = pattern_new(100000);
  size_t i;
  (void)state;

  for (i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
    struct tls_ends ends;
    size_t size = sizes[i / 2];
    size_t sent = 0;

    ends_init(&ends, kinds[i % 2]);
    ends_secure(&ends);
    end_stop(&ends.server);
    while (wsuv_tls_queued(ends.client.tls) == 0) {
      end_write(&ends.client, bytes, size);
      sent += size;
    }
    end_start(&ends.server);
    RUN_UNTIL(&ends.lb, ends.client.n[END_DRAIN] == 1);
    RUN_UNTIL(&ends.lb, ends.server.in_len == sent);
    CHECK_STR("sd", ends.client.log);
    ends_close(&ends);
  }
  free(bytes);
}

static void fill_again(struct tls_end *end, enum end_event event) {
  if (event == END_DRAIN && end->n[END_DRAIN] < 5)
    end_write(end, end->arg, MANY);
  else if (event == END_DRAIN)
    end_shut(end);
}

static void test_write_inside_of_on_drain(void **state) {
  struct tls_ends ends;
  uint8_t *bytes = pattern_new(MANY);
  (void)state;

  ends_init(&ends, GIVEN_PIPE);
  ends.client.on_event = fill_again;
  ends.client.arg = bytes;
  ends_secure(&ends);
  end_write(&ends.client, bytes, MANY);
  RUN_UNTIL(&ends.lb, ends.server.n[END_END] == 1);
  CHECK_SIZE(5 * (size_t)MANY, ends.server.in_len);
  CHECK_BYTES(bytes, MANY, ends.server.in + 4 * (size_t)MANY, MANY);
  ends_close(&ends);
  free(bytes);
}

/* ---- reading that stops ---- */

static void stop_at_each(struct tls_end *end, enum end_event event) {
  if (event != END_CLOSE && event != END_END)
    end_stop(end);
}

/* Everything, close_notify among it, comes at once and is taken one event at a time. */
static void play_stops(enum given_kind kind, const size_t *sizes, size_t nsizes) {
  struct tls_ends ends;
  uint8_t *bytes = pattern_new(2 * (size_t)MANY);
  size_t len = 0;
  size_t i;

  ends_init(&ends, kind);
  ends.server.on_event = stop_at_each;
  ends_open(&ends);
  end_stop(&ends.server);
  RUN_UNTIL(&ends.lb, ends.client.n[END_SECURE] == 1 && ends.server.n[END_SECURE] == 1);
  for (i = 0; i < nsizes; i++) {
    end_write(&ends.client, bytes + len, sizes[i]);
    len += sizes[i];
  }
  end_shut(&ends.client);
  while (ends.server.n[END_END] == 0) {
    turns(&ends.lb, 2);
    if (ends.server.stopped) {
      end_start(&ends.server);
      end_start(&ends.server);
      end_stop(&ends.server);
      end_stop(&ends.server);
      end_start(&ends.server);
    }
  }
  CHECK_BYTES(bytes, len, ends.server.in, ends.server.in_len);
  CHECK_STR("sre", ends.server.log);
  end_shut(&ends.server);
  RUN_UNTIL(&ends.lb, ends.server.tls == NULL && ends.client.tls == NULL);
  CHECK_ERR(0, ends.server.error);
  CHECK_ERR(0, ends.client.error);
  ends_close(&ends);
  free(bytes);
}

static void test_stops(void **state) {
  static const size_t small[] = {1, 1, 1, 5, 100, 1000};
  static const size_t records[] = {16384, 1, 16384, 16383, 3};
  static const size_t large[] = {100000, 3, 70000, 65536, MANY};
  size_t k;
  (void)state;

  for (k = 0; k < NKINDS; k++) {
    play_stops(kinds[k], small, sizeof small / sizeof small[0]);
    play_stops(kinds[k], records, sizeof records / sizeof records[0]);
    play_stops(kinds[k], large, sizeof large / sizeof large[0]);
  }
}

#if !defined(_WIN32)
static void stop_when_secure(struct tls_end *end, enum end_event event) {
  if (event == END_SECURE)
    end_stop(end);
}

static void say_all(struct tls_end *end, enum end_event event) {
  if (event != END_SECURE)
    return;
  end_say(end, "all of it");
  end_shut(end);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[16];

  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void start_server(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct given *given = stream->data;
  struct tls_relay *relay = WSUV__LIST_ENTRY(given->lb, struct tls_relay, ends.lb);

  (void)buf;
  if (nread > 0)
    end_start(&relay->ends.server);
}

static int fd_of(const uv_stream_t *stream) {
  uv_os_fd_t fd;

  CHECK_ERR(0, uv_fileno((const uv_handle_t *)stream, &fd));
  return fd;
}

/* Something else that the loop hears of has reading started, and the transport's end comes out of the same turn. What was
 * received before the end is still delivered before it. */
static void test_start_in_the_turn_of_the_end(void **state) {
  struct tls_relay relay;
  struct given given;
  struct raw trigger;
  (void)state;

  relay_init(&relay, GIVEN_PIPE);
  relay.ends.server.on_event = stop_when_secure;
  relay.ends.client.on_event = say_all;
  CHECK_INT(0, given_open(&given, &trigger, &relay.ends.lb, GIVEN_PIPE));
  CHECK_ERR(0, uv_read_start(given.stream, give_room, start_server));
  relay_secure(&relay);
  turns(&relay.ends.lb, 3);
  CHECK_INT(1, write(fd_of(&trigger.uv.stream), "x", 1));
  CHECK_INT(0, shutdown(fd_of(&relay.to_server.uv.stream), SHUT_WR));
  RUN_UNTIL(&relay.ends.lb, relay.ends.server.n[END_END] > 0 || relay.ends.server.tls == NULL);
  CHECK_BYTES("all of it", 9, relay.ends.server.in, relay.ends.server.in_len);
  CHECK_STR("sre", relay.ends.server.log);
  given_close(&given);
  relay_close(&relay);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_queue),
    cmocka_unit_test(test_drain_after_every_size),
    cmocka_unit_test(test_write_inside_of_on_drain),
    cmocka_unit_test(test_stops),
#if !defined(_WIN32)
    cmocka_unit_test(test_start_in_the_turn_of_the_end),
#endif
  };
  return cmocka_run_group_tests_name("tls_alone_flow", tests, NULL, NULL);
}
