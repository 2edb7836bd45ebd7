/* Publications that nobody asks about: what was published in one turn leaves together, and nobody can tell it from each by
 * itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/conn.h"
#include "integration/given_stream.h"
#include "wsuv/stats.h"
#include "wsuv/topic.h"

enum { NPEERS = 3, MESSAGE = 1000, LIMIT = 100000 };

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raws[NPEERS];
  wsuv_conn_options_t conn;
};

static void subscribe_at_open(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "news")));
}

static void rig_listen(struct rig *rig, void (*on_event)(struct talker *t, enum event event)) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  static const wsuv_conn_options_t presets = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = on_event;
  rig->conn = presets;
  rig->conn.write_limit = LIMIT;
  options.conn = &rig->conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void rig_open(struct rig *rig) {
  int i;

  rig_listen(rig, subscribe_at_open);
  for (i = 0; i < NPEERS; i++)
    raw_open(&rig->raws[i], &rig->host);
}

static void rig_close(struct rig *rig) {
  loopback_end(&rig->lb);
  RUN_UNTIL(&rig->lb, rig->lb.loop_closed);
  loopback_close(&rig->lb);
}

static wsuv_conn_t *side(struct rig *rig, int i) {
  return rig->host.talkers[i]->conn;
}

static void publish_to(struct rig *rig, const char *topic, const char *text,
                       const wsuv_publish_options_t *o) {
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_publish(rig->host.server, topic, WSUV_TEXT, text,
                                                  strlen(text), o, NULL)));
}

static void publish(struct rig *rig, const char *text) {
  publish_to(rig, "news", text, NULL);
}

static void expect(struct rig *rig, int i, const char *text) {
  raw_expect_frame(&rig->raws[i], WSUV_TEXT, text, strlen(text));
}

static void expect_all(struct rig *rig, const char *text) {
  int i;

  for (i = 0; i < NPEERS; i++)
    expect(rig, i, text);
}

static void say(struct rig *rig, int i, const char *text) {
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(side(rig, i), text, strlen(text))));
}

static wsuv_server_stats_t stats_of(struct rig *rig) {
  wsuv_server_stats_t stats = {.size = sizeof stats};

  CHECK_ERR(0, wsuv_server_stats(rig->host.server, &stats));
  return stats;
}

/* ---- order ---- */

static void in_one_write(void **state) {
  struct rig rig;
  size_t ncalls;
  int i;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  ncalls = rig.lb.fa.ncalls;
  publish(&rig, "two");
  CHECK_SIZE(2, rig.lb.fa.ncalls -
                    ncalls); /* the message and its frame, for whatever number of subscribers */
  CHECK_SIZE(0, stats_of(&rig).sent.text);
  expect_all(&rig, "one");
  CHECK_SIZE(2 * NPEERS, stats_of(&rig).sent.text);
  CHECK_SIZE(6 * NPEERS, stats_of(&rig).sent.text_octets);
  CHECK_SIZE(10 * NPEERS, stats_of(&rig).sent.wire_octets);
  CHECK_SIZE(2 * NPEERS, stats_of(&rig).sent.shared);
  for (i = 0; i < NPEERS; i++) /* nothing was queued: it came with the other one */
    CHECK_SIZE(5, rig.raws[i].in_len - rig.raws[i].at);
  expect_all(&rig, "two");
  rig_close(&rig);
}

static void between_messages_of_its_own(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  say(&rig, 0, "own 1");
  publish(&rig, "one");
  publish(&rig, "two");
  say(&rig, 0, "own 2");
  publish(&rig, "three");
  expect(&rig, 0, "own 1");
  expect(&rig, 0, "one");
  expect(&rig, 0, "two");
  expect(&rig, 0, "own 2");
  expect(&rig, 0, "three");
  expect(&rig, 1, "one");
  expect(&rig, 1, "two");
  expect(&rig, 1, "three");
  rig_close(&rig);
}

static void amid_fragments(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_begin(side(&rig, 0), WSUV_TEXT, 0)));
  publish(&rig, "lost to peer 0");
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_end(side(&rig, 0), "own", 3)));
  publish(&rig, "two");
  expect(&rig, 0, "one");
  expect(&rig, 0, "own");
  expect(&rig, 0, "two");
  expect(&rig, 1, "one");
  expect(&rig, 1, "lost to peer 0");
  expect(&rig, 1, "two");
  rig_close(&rig);
}

static void of_several_topics(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(side(&rig, 0), "sports")));
  publish(&rig, "news 1");
  publish_to(&rig, "sports", "sports 1", NULL);
  publish(&rig, "news 2");
  publish_to(&rig, "sports", "sports 2", NULL);
  expect(&rig, 0, "news 1");
  expect(&rig, 0, "sports 1");
  expect(&rig, 0, "news 2");
  expect(&rig, 0, "sports 2");
  expect(&rig, 1, "news 1");
  expect(&rig, 1, "news 2");
  rig_close(&rig);
}

/* Who asks has it sent at once, and not before what waits. */
static void asked_about(void **state) {
  wsuv_published_t out;
  struct rig rig;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  CHECK_ERR(0, CALL(&rig.lb,
                    wsuv_server_publish(rig.host.server, "news", WSUV_TEXT, "two", 3, NULL, &out)));
  CHECK_SIZE(NPEERS, out.sent);
  CHECK_SIZE(2 * NPEERS, stats_of(&rig).sent.text);
  publish(&rig, "three");
  expect_all(&rig, "one");
  expect_all(&rig, "two");
  expect_all(&rig, "three");
  rig_close(&rig);
}

static void except_one(void **state) {
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  struct rig rig;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  o.except = side(&rig, 1);
  publish_to(&rig, "news", "not for 1", &o);
  o.except = side(&rig, 2);
  publish_to(&rig, "news", "not for 2", &o);
  expect_all(&rig, "one");
  expect(&rig, 0, "not for 1");
  expect(&rig, 0, "not for 2");
  expect(&rig, 1, "not for 2");
  expect(&rig, 2, "not for 1");
  publish(&rig, "end");
  expect_all(&rig, "end");
  rig_close(&rig);
}

/* More than is collected, in number and in octets, and one that is too large for that. */
static void many_and_large(void **state) {
  static char large[200000];
  struct rig rig;
  char text[16];
  int i;
  (void)state;

  rig_open(&rig);
  memset(large, 'x', sizeof large - 1);
  for (i = 0; i < 200; i++) {
    (void)snprintf(text, sizeof text, "%d", i);
    publish(&rig, text);
  }
  publish(&rig, large + sizeof large - 30001);
  publish(&rig, large + sizeof large - 30001);
  publish(&rig, large + sizeof large - 30001);
  publish(&rig, large + sizeof large - 70001);
  publish(&rig, "end");
  for (i = 0; i < 200; i++) {
    (void)snprintf(text, sizeof text, "%d", i);
    expect_all(&rig, text);
  }
  expect_all(&rig, large + sizeof large - 30001);
  expect_all(&rig, large + sizeof large - 30001);
  expect_all(&rig, large + sizeof large - 30001);
  expect_all(&rig, large + sizeof large - 70001);
  expect_all(&rig, "end");
  rig_close(&rig);
}

/* ---- coming and going ---- */

static void who_comes_and_goes(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(side(&rig, 0), "news")));
  publish(&rig, "one");
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(side(&rig, 0), "news")));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(side(&rig, 1), "news")));
  CALL_VOID(&rig.lb, wsuv_conn_unsubscribe_all(side(&rig, 2)));
  publish(&rig, "two");
  expect(&rig, 0, "two");
  expect(&rig, 1, "one");
  expect(&rig, 2, "one");
  say(&rig, 1, "end");
  expect(&rig, 1, "end");
  rig_close(&rig);
}

static void who_closes(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(side(&rig, 0), 1001, NULL)));
  CALL_VOID(&rig.lb, wsuv_conn_terminate(side(&rig, 1)));
  publish(&rig, "two");
  expect(&rig, 0, "one");
  raw_expect_close(&rig.raws[0], 1001);
  expect(&rig, 2, "one");
  expect(&rig, 2, "two");
  rig_close(&rig);
}

/* The topic goes with its last subscriber; one of the same name is another. */
static void topic_goes(void **state) {
  struct rig rig;
  int i;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  for (i = 1; i < NPEERS; i++)
    CALL_VOID(&rig.lb, wsuv_conn_terminate(side(&rig, i)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_unsubscribe(side(&rig, 0), "news")));
  CHECK_SIZE(0, wsuv_server_ntopics(rig.host.server));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(side(&rig, 0), "news")));
  publish(&rig, "two");
  expect(&rig, 0, "one");
  expect(&rig, 0, "two");
  publish(&rig, "three");
  CALL_VOID(&rig.lb, wsuv_conn_terminate(side(&rig, 0)));
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  rig_close(&rig);
}

static void server_goes(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  publish(&rig, "one");
  rig_close(&rig);
}

static void given_back(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  (void)conn;
  (void)stream;
  (void)leftover;
  CHECK_SIZE(0, len);
}

static void open_given(struct rig *rig, struct given *given) {
  wsuv_adopt_options_t adopt = WSUV_ADOPT_OPTIONS_INIT;

  rig_listen(rig, subscribe_at_open);
  CHECK_INT(0, given_open(given, &rig->raws[0], &rig->lb, GIVEN_TCP));
  rig->raws[0].role = WSUV_CLIENT;
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_adopt(rig->host.server, given->stream, &adopt)));
  raw_say(&rig->raws[0], RAW_REQUEST);
  RUN_UNTIL(&rig->lb, raw_took_head(&rig->raws[0]));
}

static void who_is_detached(void **state) {
  struct given given;
  struct rig rig;
  (void)state;

  open_given(&rig, &given);
  publish(&rig, "one");
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_detach(side(&rig, 0), given_back)));
  publish(&rig, "two");
  expect(&rig, 0, "one");
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_SIZE(rig.raws[0].at, rig.raws[0].in_len);
  given_close(&given);
  rig_close(&rig);
}

static void fill_queue(struct rig *rig, int i) {
  static const char payload[1024];

  raw_stop_reading(&rig->raws[i]);
  while (CALL(&rig->lb, wsuv_conn_send_binary(side(rig, i), payload, sizeof payload)) == 0)
    loopback_turn(&rig->lb);
}

/* Who is closed because it reads slowly is not given back as well. */
static void slow_reader_is_detached(void **state) {
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  char text[1024];
  struct given given;
  struct rig rig;
  (void)state;

  open_given(&rig, &given);
  fill_queue(&rig, 0);
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  o.slow = WSUV_SLOW_CLOSE;
  publish_to(&rig, "news", text, &o);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(side(&rig, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_detach(side(&rig, 0), given_back)));
  CHECK_INT(WSUV_STATE_CLOSING_HANDSHAKE, wsuv_conn_state(side(&rig, 0)));
  given_close(&given);
  rig_close(&rig);
}

/* What comes with a message may be a Close: what was published for the message goes ahead of the answer. */
static void relays(struct talker *t, enum event event) {
  subscribe_at_open(t, event);
  if (event != EV_MESSAGE)
    return;
  CHECK_ERR(0, CALL(t->lb, wsuv_server_publish(t->host->server, "news", t->type, t->payload, t->len,
                                               NULL, NULL)));
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(t->conn, "said", 4)));
}

static void sender_closes(void **state) {
  uint8_t frames[64];
  struct rig rig;
  size_t len;
  (void)state;

  rig_listen(&rig, relays);
  raw_open(&rig.raws[0], &rig.host);
  raw_open(&rig.raws[1], &rig.host);
  len = frame_put(frames, WSUV_CLIENT, WSUV_TEXT, "a", 1);
  len += frame_put(frames + len, WSUV_CLIENT, WSUV_TEXT, "b", 1);
  len += frame_put(frames + len, WSUV_CLIENT, WSUV_CLOSE, "\x03\xe8", 2);
  raw_send(&rig.raws[0], frames, len);
  expect(&rig, 0, "a");
  expect(&rig, 0, "said");
  expect(&rig, 0, "b");
  expect(&rig, 0, "said");
  raw_expect_close(&rig.raws[0], 1000);
  expect(&rig, 1, "a");
  expect(&rig, 1, "b");
  rig_close(&rig);
}

/* Both peers' events come in one turn: the answer to the second goes behind what the first had published. */
static void publishes_or_answers(struct talker *t, enum event event) {
  subscribe_at_open(t, event);
  if (event != EV_MESSAGE)
    return;
  if (t->payload[0] == 'p')
    CHECK_ERR(0, CALL(t->lb, wsuv_server_publish(t->host->server, "news", t->type, t->payload,
                                                 t->len, NULL, NULL)));
  else
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(t->conn, "answer", 6)));
}

static void answers_behind(void **state) {
  struct rig rig;
  (void)state;

  rig_listen(&rig, publishes_or_answers);
  raw_open(&rig.raws[0], &rig.host);
  raw_open(&rig.raws[1], &rig.host);
  raw_frame(&rig.raws[0], WSUV_TEXT, "published", 9);
  raw_frame(&rig.raws[1], WSUV_TEXT, "asked", 5);
  expect(&rig, 0, "published");
  expect(&rig, 1, "published");
  expect(&rig, 1, "answer");
  rig_close(&rig);
}

/* ---- who reads slowly ---- */

static void publish_number(struct rig *rig, int number, wsuv_slow_t slow) {
  static uint8_t payload[MESSAGE];
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;

  o.slow = slow;
  o.key = 1;
  memcpy(payload, &number, sizeof number);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_publish(rig->host.server, "news", WSUV_BINARY, payload,
                                                  sizeof payload, &o, NULL)));
}

static int next_number(struct rig *rig, struct raw *raw) {
  wsuv_frame_header_t header;
  const uint8_t *payload;
  int number;

  RUN_UNTIL(&rig->lb, raw_took_frame(raw, &header, &payload));
  if (header.opcode == WSUV_CLOSE)
    return -1;
  CHECK_SIZE(MESSAGE, header.payload_len);
  memcpy(&number, payload, sizeof number);
  return number;
}

#define PER_TURN 7
#define NTURNS   60

/* Peer 0 reads nothing, and the kernel has little room for it: frames are torn wherever that ends. */
static void flood(struct rig *rig, wsuv_slow_t slow) {
  int size = 16384;
  int turn;
  int i;

  rig_open(rig);
  CHECK_ERR(0, uv_send_buffer_size(&side(rig, 0)->stream.uv.handle, &size));
  CHECK_ERR(0, uv_recv_buffer_size(&rig->raws[0].uv.handle, &size));
  raw_stop_reading(&rig->raws[0]);
  for (turn = 0; turn < NTURNS; turn++) {
    for (i = 0; i < PER_TURN; i++)
      publish_number(rig, turn * PER_TURN + i, slow);
    for (i = 0; i < PER_TURN; i++)
      CHECK_INT(turn * PER_TURN + i, next_number(rig, &rig->raws[1]));
  }
}

static void refused(void **state) {
  struct rig rig;
  uint64_t nrefused;
  int number;
  (void)state;

  flood(&rig, WSUV_SLOW_REFUSE);
  nrefused = stats_of(&rig).drops.refused;
  CHECK_TRUE(nrefused > 0);
  CHECK_TRUE(wsuv_conn_queued(side(&rig, 0)) <= LIMIT);
  raw_start_reading(&rig.raws[0]);
  for (number = 0; number < NTURNS * PER_TURN - (int)nrefused; number++)
    CHECK_INT(number, next_number(&rig, &rig.raws[0]));
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(side(&rig, 0)) == 0);
  publish(&rig, "end");
  expect(&rig, 0, "end");
  rig_close(&rig);
}

/* All but so many came to peer 0, in order, and the newest last. */
static void expect_all_but(struct rig *rig, uint64_t ngone) {
  int before = -1;
  int n = 0;

  CHECK_TRUE(ngone > 0);
  raw_start_reading(&rig->raws[0]);
  while (before < NTURNS * PER_TURN - 1) {
    int number = next_number(rig, &rig->raws[0]);
    CHECK_TRUE(number > before);
    before = number;
    n++;
  }
  CHECK_INT(NTURNS * PER_TURN - (int)ngone, n);
}

static void oldest_dropped(void **state) {
  struct rig rig;
  (void)state;

  flood(&rig, WSUV_SLOW_DROP_OLDEST);
  expect_all_but(&rig, stats_of(&rig).drops.oldest);
  rig_close(&rig);
}

static void latest_kept(void **state) {
  struct rig rig;
  (void)state;

  flood(&rig, WSUV_SLOW_KEEP_LATEST);
  expect_all_but(&rig, stats_of(&rig).drops.replaced);
  rig_close(&rig);
}

static void closed(void **state) {
  struct rig rig;
  (void)state;

  flood(&rig, WSUV_SLOW_CLOSE);
  CHECK_SIZE(1, stats_of(&rig).drops.closed);
  CHECK_SIZE(NPEERS - 1, wsuv_server_nsubscribers(rig.host.server, "news"));
  rig_close(&rig);
}

static void reset(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  raw_reset(&rig.raws[1]);
  publish(&rig, "one");
  publish(&rig, "two");
  expect(&rig, 0, "one");
  expect(&rig, 2, "one");
  expect(&rig, 2, "two");
  RUN_UNTIL(&rig.lb, wsuv_server_nsubscribers(rig.host.server, "news") == NPEERS - 1);
  rig_close(&rig);
}

/* A frame is torn and its rest cannot be kept: the stream is broken, and with it that connection. */
static void torn_without_memory(void **state) {
  struct rig rig;
  int size = 1;
  int i;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, uv_send_buffer_size(&side(&rig, 0)->stream.uv.handle, &size));
  CHECK_ERR(0, uv_recv_buffer_size(&rig.raws[0].uv.handle, &size));
  raw_stop_reading(&rig.raws[0]);
  for (i = 0; i < 64; i++)
    publish_number(&rig, i, WSUV_SLOW_REFUSE);
  failing_alloc_fail_from(&rig.lb.fa, 1);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  failing_alloc_fail_from(&rig.lb.fa, 0);
  CHECK_ERR(WSUV_ENOMEM, rig.host.talkers[0]->end.error);
  for (i = 0; i < 64; i++)
    CHECK_INT(i, next_number(&rig, &rig.raws[1]));
  rig_close(&rig);
}

/* Each allocation fails once. Without memory for what is collected the messages go one by one. */
static void no_memory(void **state) {
  int failed = 1;
  size_t n;
  (void)state;

  for (n = 1; failed; n++) {
    struct rig rig;
    int nsent = 0;
    int i;
    rig_open(&rig);
    failing_alloc_fail_once(&rig.lb.fa, n);
    for (i = 0; i < 3; i++) {
      int err = CALL(&rig.lb,
                     wsuv_server_publish(rig.host.server, "news", WSUV_TEXT, "x", 1, NULL, NULL));
      CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
      nsent += err == 0;
    }
    failed = failing_alloc_has_failed(&rig.lb.fa);
    failing_alloc_fail_once(&rig.lb.fa, 0);
    publish(&rig, "end");
    for (i = 0; nsent > 2 && i < nsent; i++)
      expect(&rig, 0, "x");
    rig_close(&rig);
  }
  CHECK_TRUE(n > 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_one_write),
      cmocka_unit_test(between_messages_of_its_own),
      cmocka_unit_test(amid_fragments),
      cmocka_unit_test(of_several_topics),
      cmocka_unit_test(asked_about),
      cmocka_unit_test(except_one),
      cmocka_unit_test(many_and_large),
      cmocka_unit_test(who_comes_and_goes),
      cmocka_unit_test(who_closes),
      cmocka_unit_test(topic_goes),
      cmocka_unit_test(server_goes),
      cmocka_unit_test(who_is_detached),
      cmocka_unit_test(slow_reader_is_detached),
      cmocka_unit_test(sender_closes),
      cmocka_unit_test(answers_behind),
      cmocka_unit_test(refused),
      cmocka_unit_test(oldest_dropped),
      cmocka_unit_test(latest_kept),
      cmocka_unit_test(closed),
      cmocka_unit_test(reset),
      cmocka_unit_test(torn_without_memory),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
