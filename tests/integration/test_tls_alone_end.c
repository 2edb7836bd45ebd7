/* TLS without WebSocket: every way in which an end of ours ends it, or does not begin; and memory that is not to be had. */
#include <stdlib.h>
#include <string.h>

#include "integration/tls_ends.h"

#define MANY (5u * 1024 * 1024)

static const enum given_kind kinds[] = {GIVEN_TCP, GIVEN_PIPE};
#define NKINDS 2

/* Whose peer has ended ends, too; it may have done so before. */
static void follow(struct tls_end *end) {
  if (end->tls != NULL && end->n[END_END] > 0)
    (void)CALL(end->lb, wsuv_tls_shutdown(end->tls));
}

static void wait_for_both(struct tls_ends *ends) {
  while (ends->server.tls != NULL || ends->client.tls != NULL) {
    follow(&ends->server);
    follow(&ends->client);
    loopback_turn(&ends->lb);
  }
}

/* ---- bad arguments ---- */

static void refuse(struct tls_end *end, int err) {
  CHECK_ERR(err, end_open(end));
  if (end->given.stream != NULL)
    CHECK_PTR(end, end->given.stream->data);
}

static void check_options(struct tls_end *end) {
  const wsuv_tls_open_options_t good = end->open;

  end->open.size = sizeof end->open - 1;
  refuse(end, WSUV_EINVAL);
  end->open = good;
  end->open.port = -1;
  refuse(end, WSUV_EINVAL);
  end->open.port = 65536;
  refuse(end, WSUV_EINVAL);
  end->open = good;
  end->open.handshake_timeout_ms = -2;
  refuse(end, WSUV_EINVAL);
  end->open = good;
  end->open.host = end->role == WSUV_CLIENT ? NULL : "localhost";
  refuse(end, WSUV_EINVAL);
  end->open = good;
  end->adopt.leftover_len = 1;
  refuse(end, WSUV_EINVAL);
  end->adopt.leftover_len = 0;
  end->adopt.size = 1;
  refuse(end, WSUV_EINVAL);
  end->adopt.size = sizeof end->adopt;
}

static void check_hosts(struct tls_end *client) {
  char longer[300];

  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  client->open.host = "";
  refuse(client, WSUV_EINVAL);
  client->open.host = ".";
  refuse(client, WSUV_EINVAL);
  client->open.host = longer;
  refuse(client, WSUV_EINVAL);
  client->open.host = "localhost";
}

static void check_handlers(struct tls_end *end) {
  static const wsuv_tls_handler_t short_one = {.size = 8, .on_close = NULL};
  static const wsuv_tls_handler_t silent = {.size = sizeof silent, .on_close = NULL};
  const wsuv_tls_handler_t *const handlers[] = {NULL, &short_one, &silent};
  size_t i;

  for (i = 0; i < 3; i++) {
    end->tls = (wsuv_tls_t *)(void *)end;
    CHECK_ERR(WSUV_EINVAL, wsuv_tls_open(end->lb->loop, &end->tls, end->given.stream, end->context,
                                         &end->open, handlers[i], end));
    CHECK_NULL(end->tls);
  }
  CHECK_ERR(WSUV_EINVAL, wsuv_tls_open(end->lb->loop, &end->tls, end->given.stream, NULL,
                                       &end->open, &end_handler, end));
  CHECK_NULL(end->tls);
}

static void check_streams(struct tls_end *end) {
  uv_stream_t *const good = end->given.stream;
  uv_timer_t timer;
  uv_tcp_t unconnected;

  end->given.stream = NULL;
  refuse(end, WSUV_EINVAL);
  CHECK_ERR(0, uv_timer_init(&end->lb->uv, &timer));
  timer.data = end;
  end->given.stream = (uv_stream_t *)(void *)&timer;
  refuse(end, WSUV_EINVAL);
  uv_close((uv_handle_t *)&timer, NULL);
  CHECK_ERR(0, uv_tcp_init(&end->lb->uv, &unconnected));
  unconnected.data = end;
  end->given.stream = (uv_stream_t *)(void *)&unconnected;
  refuse(end, WSUV_ESTREAM);
  uv_close((uv_handle_t *)&unconnected, NULL);
  refuse(end, WSUV_ESTREAM);
  turns(end->lb, 2);
  end->given.stream = good;
}

static void test_arguments(void **state) {
  struct tls_ends ends;
  (void)state;

  ends_init(&ends, GIVEN_TCP);
  check_options(&ends.server);
  check_options(&ends.client);
  check_hosts(&ends.client);
  check_handlers(&ends.server);
  check_streams(&ends.client);
  ends_secure(&ends); /* nothing was touched */
  loopback_end(&ends.lb);
  wait_for_both(&ends);
  ends_close(&ends);
}

/* A loop that ends takes nothing new. */
static void test_closing_loop(void **state) {
  struct tls_ends ends;
  wsuv_loop_t *loop;
  wsuv_tls_t *tls = (wsuv_tls_t *)(void *)&ends;
  (void)state;

  ends_init(&ends, GIVEN_PIPE);
  CHECK_ERR(0, end_open(&ends.client)); /* so that the loop is still there */
  loop = ends.lb.loop;
  loopback_end(&ends.lb);
  CHECK_ERR(WSUV_ESTATE, wsuv_tls_open(loop, &tls, ends.server.given.stream, ends.server.context,
                                       &ends.server.open, &end_handler, &ends.server));
  CHECK_NULL(tls);
  CHECK_PTR(&ends.server, ends.server.given.stream->data);
  wait_for_both(&ends);
  CHECK_ERR(UV_ECANCELED, ends.client.error);
  ends_close(&ends);
}

/* ---- close, whenever ---- */

enum way { BY_CLOSE, BY_LOOP, BY_CUT, NWAYS };

/* More than there are to the end of play_until. */
#define NSTEPS 12

/* Opens both, and goes so many turns; from step 8 on more is written than the kernel takes. */
static void play_until(struct tls_ends *ends, int step) {
  static const uint8_t zeros[MANY];

  if (step == 0)
    return;
  ends_open(ends);
  if (step <= 6) {
    turns(&ends->lb, step - 1);
    return;
  }
  RUN_UNTIL(&ends->lb, ends->server.n[END_SECURE] == 1 && ends->client.n[END_SECURE] == 1);
  if (step >= 8) {
    end_stop(&ends->server);
    end_write(&ends->client, zeros, MANY);
  }
  if (step >= 9)
    turns(&ends->lb, 5);
  if (step >= 10)
    end_shut(&ends->client);
  if (step >= 11)
    end_shut(&ends->server);
  if (step >= 11)
    turns(&ends->lb, 5);
}

static void end_it(struct tls_ends *ends, enum way way) {
  unsigned nclosed = ends->client.n[END_CLOSE];

  if (way == BY_LOOP) {
    loopback_end(&ends->lb);
  } else if (way == BY_CUT) {
    end_cut(&ends->client);
  } else {
    end_close(&ends->client);
    end_close(&ends->client);
  }
  CHECK_SIZE(nclosed, ends->client.n[END_CLOSE]);
}

/* A cut is noticed at once where a write is under way, or inside of a callback (wsuv/adopt.h). */
static int is_for(enum way way, int step) {
  return way != BY_CUT || step >= 8;
}

/* Whose write is under way gets its stream back only when the peer goes on or away. */
static void play_ending(struct tls_ends *ends, enum way way, int step) {
  int expected = way == BY_CLOSE ? 0 : UV_ECANCELED;

  play_until(ends, step);
  end_it(ends, way);
  turns(&ends->lb, 3);
  if (step == 0)
    return;
  if (ends->server.tls != NULL && ends->server.stopped)
    end_start(&ends->server);
  wait_for_both(ends);
  CHECK_ERR(expected, ends->client.error);
  if (way != BY_CUT)
    RUN_UNTIL(&ends->lb, ends->client.given.ndone == 1);
  else
    CHECK_INT(0, ends->client.given.ndone);
}

static void test_every_state(void **state) {
  int i;
  int step;
  (void)state;

  for (i = 0; i < NWAYS * NKINDS * 2; i += loopback_is_slow() ? 3 : 1) {
    for (step = 0; step < NSTEPS; step++) {
      struct tls_ends ends;

      if (!is_for((enum way)(i / 4), step))
        continue;
      ends_init(&ends, kinds[i % 2]);
      ends.client.adopt.own = i / 2 % 2;
      ends.server.adopt.own = !ends.client.adopt.own;
      play_ending(&ends, (enum way)(i / 4), step);
      ends_close(&ends);
    }
  }
}

struct at {
  enum end_event event;
  enum way way;
};

static void end_inside(struct tls_end *end, enum end_event event) {
  const struct at *at = end->arg;

  if (event != at->event)
    return;
  if (at->way == BY_LOOP)
    loopback_end(end->lb);
  else if (at->way == BY_CLOSE)
    end_close(end);
  else if (end->tls != NULL)
    end_cut(end);
}

/* A conversation in which each end hears of everything, until `at`. */
static void play_inside(struct tls_ends *ends, struct tls_end *which, struct at *at) {
  static const uint8_t zeros[MANY];
  struct tls_end *other = which == &ends->server ? &ends->client : &ends->server;

  which->on_event = end_inside;
  which->arg = at;
  ends_open(ends);
  RUN_UNTIL(&ends->lb, which->n[END_SECURE] == 1);
  while (which->tls != NULL && other->n[END_SECURE] == 0 && other->tls != NULL)
    loopback_turn(&ends->lb);
  if (other->tls != NULL && other->n[END_SECURE] > 0) {
    (void)CALL(&ends->lb, wsuv_tls_write(other->tls, zeros, MANY));
    (void)CALL(&ends->lb, wsuv_tls_shutdown(other->tls));
  }
  if (which->tls != NULL) {
    (void)CALL(&ends->lb, wsuv_tls_write(which->tls, zeros, MANY));
    (void)CALL(&ends->lb, wsuv_tls_shutdown(which->tls));
  }
  wait_for_both(ends);
}

static void test_inside_of_every_callback(void **state) {
  static const int expected[] = {0, UV_ECANCELED, UV_ECANCELED};
  int i;
  (void)state;

  for (i = 0; i < NWAYS * NENDEVENTS * 4; i += loopback_is_slow() ? 5 : 1) {
    struct tls_ends ends;
    struct at at = {(enum end_event)(i / 4 % NENDEVENTS), (enum way)(i / 4 / NENDEVENTS)};
    struct tls_end *which = i % 2 ? &ends.server : &ends.client;

    if (at.event == END_CLOSE && at.way == BY_CUT)
      continue; /* close_cb will do it */

    ends_init(&ends, kinds[i / 2 % 2]);
    /* When both write and none reads any more, only what is owned ends (wsuv/adopt.h). */
    ends.server.adopt.own = ends.client.adopt.own = at.way == BY_LOOP || i % 3 == 0;
    play_inside(&ends, which, &at);
    if (at.way == BY_CUT) /* of libuv's, by what noticed it; none where both sides have ended */
      CHECK_TRUE(which->error != 0 || at.event == END_END);
    else
      CHECK_ERR(at.event == END_CLOSE ? 0 : expected[at.way], which->error);
    CHECK_SIZE(1, which->n[END_SECURE]);
    ends_close(&ends);
  }
}

/* ---- every allocation ---- */

#define MUCH 700000u

/* So that the kernel takes little of it at once. */
static void narrow(const struct tls_end *end) {
  int send_size = 20000;
  int receive_size = 20000;

  CHECK_ERR(0, uv_send_buffer_size((uv_handle_t *)end->given.stream, &send_size));
  CHECK_ERR(0, uv_recv_buffer_size((uv_handle_t *)end->given.stream, &receive_size));
}

/* An end that cannot go on says so, lest the other waits for ever. */
static void converse(struct tls_end *end, enum end_event event) {
  if (end->tls == NULL || event == END_CLOSE)
    return;
  if (event == END_SECURE && CALL(end->lb, wsuv_tls_write(end->tls, end->arg, MUCH)) != 0)
    end_close(end);
  else if (event == END_END || (event == END_READ && end->in_len == MUCH))
    (void)CALL(end->lb, wsuv_tls_shutdown(end->tls));
  else if (event == END_READ && end->n[END_READ] == 2)
    end_stop(end);
}

static void go_on(struct tls_end *end) {
  if (end->tls != NULL && end->stopped)
    end_start(end);
}

static int play_torture(enum given_kind kind, size_t n, const uint8_t *bytes) {
  struct tls_ends ends;
  int failed;

  ends_init(&ends, kind);
  narrow(&ends.server);
  narrow(&ends.client);
  ends.server.adopt.own = ends.client.adopt.own = (int)(n % 2);
  ends.server.on_event = ends.client.on_event = converse;
  ends.server.arg = ends.client.arg = (void *)(uintptr_t)bytes;
  failing_alloc_fail_once(&ends.lb.fa, n);
  if (end_open(&ends.server) != 0 || end_open(&ends.client) != 0)
    CHECK_SIZE(1, ends.lb.fa.nfailed);
  while (ends.client.tls != NULL || (ends.server.tls != NULL && ends.client.n[END_CLOSE] > 0)) {
    if (ends.server.tls == NULL && ends.server.n[END_CLOSE] == 0)
      end_close(&ends.client); /* nobody is there */
    loopback_turn(&ends.lb);
    go_on(&ends.server);
    go_on(&ends.client);
  }
  failed = failing_alloc_has_failed(&ends.lb.fa);
  if (!failed) {
    CHECK_BYTES(bytes, MUCH, ends.server.in, ends.server.in_len);
    CHECK_BYTES(bytes, MUCH, ends.client.in, ends.client.in_len);
  }
  ends_close(&ends);
  return failed;
}

static void test_torture(void **state) {
  uint8_t *bytes = pattern_new(MUCH);
  size_t k;
  (void)state;

  for (k = 0; k < NKINDS; k++) {
    size_t n = 1;
    while (play_torture(kinds[k], n, bytes))
      n += loopback_is_slow() ? 7 : 1;
    CHECK_TRUE(n > 20);
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arguments),   cmocka_unit_test(test_closing_loop),
      cmocka_unit_test(test_every_state), cmocka_unit_test(test_inside_of_every_callback),
      cmocka_unit_test(test_torture),
  };
  return cmocka_run_group_tests_name("tls_alone_end", tests, NULL, NULL);
}
