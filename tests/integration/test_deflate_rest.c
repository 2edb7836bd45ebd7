/* Connections that rest with permessage-deflate: what they cost beside others, and that nobody can tell them from those. */
#include <string.h>

#include "api/conn_rest.h"
#include "api/stats.h"
#include "integration/deflate_wire.h"
#include "support/toy_extension.h"

#define NPAIRS 40u

/* Of each connection, beyond one without extensions. */
#define BUDGET 16u

struct rig {
  struct loopback lb;
  wsuv_deflate_t *deflate; /* both sides'; NULL: none */
  const wsuv_extension_t *extension;
  struct host host;
  struct talker clients[NPAIRS];
  size_t n;
};

static void rig_listen(struct rig *rig, const wsuv_extension_t *extension) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  rig->extension = extension;
  options.extensions = &rig->extension;
  options.nextensions = extension != NULL;
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void rig_begin(struct rig *rig) {
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  rig->lb.loop->awake.max = 0;
}

static void rig_open(struct rig *rig, const wsuv_deflate_options_t *options) {
  rig_begin(rig);
  if (options != NULL)
    rig->deflate = make_deflate(&rig->lb, options);
  rig_listen(rig, rig->deflate != NULL ? wsuv_deflate_extension(rig->deflate) : NULL);
}

static wsuv_conn_t *served(const struct rig *rig, size_t i) {
  return rig->host.talkers[i]->conn;
}

static int rest(const struct rig *rig, size_t i) {
  return rig->clients[i].conn->awake == NULL && served(rig, i)->awake == NULL;
}

/* Nothing has to be waited for but the messages. */
static int comes_to_rest(struct rig *rig, size_t i) {
  loopback_sweep(&rig->lb);
  loopback_sweep(&rig->lb);
  return rest(rig, i);
}

static int shares(const wsuv_conn_t *conn) {
  return conn->awake == NULL && conn->folded.extensions->nsharers > 0;
}

static void join_with(struct rig *rig, const wsuv_extension_t *extension) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  struct talker *t = &rig->clients[rig->n];

  options.extensions = &extension;
  options.nextensions = extension != NULL;
  talker_init(t, &rig->lb);
  CHECK_ERR(0, talker_connect(t, &rig->host, &options));
  RUN_UNTIL(&rig->lb, t->n[EV_OPEN] == 1 && rig->host.ntalkers == rig->n + 1);
  RUN_UNTIL(&rig->lb, comes_to_rest(rig, rig->n));
  rig->n++;
}

static void join(struct rig *rig) {
  join_with(rig, rig->extension);
}

static void rig_close(struct rig *rig) {
  loopback_end(&rig->lb);
  RUN_UNTIL(&rig->lb, rig->lb.loop_closed);
  wsuv_deflate_free(rig->deflate);
  loopback_close(&rig->lb);
}

/* There and back. */
static void talk(struct rig *rig, size_t i, size_t len) {
  static uint8_t text[4096];
  struct talker *t = &rig->clients[i];
  unsigned heard = t->n[EV_MESSAGE];

  put_text(text, 64 * i, len);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(t->conn, text, len)));
  RUN_UNTIL(&rig->lb, t->n[EV_MESSAGE] == heard + 1 && comes_to_rest(rig, i));
  CHECK_BYTES(text, len, t->payload, t->len);
}

/* ---- cost ---- */

/* Octets of a client's connection and a server's. */
static size_t cost_of_a_pair(const wsuv_deflate_options_t *options, size_t nmessages) {
  struct rig rig;
  size_t before;
  size_t octets;
  size_t i;

  rig_open(&rig, options);
  join(&rig); /* what all have together */
  for (i = 0; i < nmessages; i++)
    talk(&rig, 0, 1000);
  before = rig.lb.fa.outstanding_size;
  while (rig.n < NPAIRS) {
    join(&rig);
    for (i = 0; i < nmessages; i++)
      talk(&rig, rig.n - 1, 1000);
  }
  octets = (rig.lb.fa.outstanding_size - before) / (NPAIRS - 1);
  rig_close(&rig);
  return octets;
}

static void test_cost(void **state) {
  static const struct {
    const char *name;
    const wsuv_deflate_options_t *options;
    size_t nmessages;
  } rows[] = {
      {"shared", &shared, 0}, {"shared, after messages", &shared, 3}, {"dedicated", &dedicated, 0}};
  size_t i;
  (void)state;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t plain = cost_of_a_pair(NULL, rows[i].nmessages);
    size_t deflate = cost_of_a_pair(rows[i].options, rows[i].nmessages);
    print_message("%s: %zu octets, without %zu\n", rows[i].name, deflate / 2, plain / 2);
    CHECK_TRUE(deflate <= plain + 2 * BUDGET);
  }
}

/* ---- messages ---- */

static void check_stats(const wsuv_conn_t *conn, uint64_t sent, uint64_t received) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, 0);
  wsuv_deflate_params_t params;
  wsuv_deflate_stats_t stats;

  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  CHECK_INT(1, params.deflate_no_context_takeover && params.inflate_no_context_takeover);
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  CHECK_SIZE(sent, stats.sent_octets);
  CHECK_SIZE(received, stats.received_octets);
  CHECK_TRUE(stats.sent_compressed_octets < sent);
  CHECK_TRUE(stats.received_compressed_octets < received);
}

static void test_messages(void **state) {
  struct rig rig;
  size_t i;
  (void)state;

  rig_open(&rig, &shared);
  while (rig.n < 3)
    join(&rig);
  for (i = 0; i < 3; i++) {
    CHECK_INT(1, shares(served(&rig, i)) && shares(rig.clients[i].conn));
    talk(&rig, i, 1000);
    talk(&rig, 0, 2000);
    CHECK_INT(1, shares(served(&rig, i)) && shares(rig.clients[i].conn));
  }
  check_stats(served(&rig, 0), 7000, 7000);
  check_stats(served(&rig, 1), 1000, 1000);
  check_stats(rig.clients[2].conn, 1000, 1000);
  rig_close(&rig);
}

/* Who was told of a session may keep it. */
static void test_asked_for(void **state) {
  struct rig rig;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_stats_t stats;
  (void)state;

  rig_open(&rig, &shared);
  join(&rig);
  join(&rig);
  talk(&rig, 0, 1000);
  negotiated = wsuv_conn_extension_at(served(&rig, 0), 0);
  CHECK_INT(1, rest(&rig, 0) && !shares(served(&rig, 0)) && shares(served(&rig, 1)));
  talk(&rig, 0, 1000);
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  CHECK_SIZE(2000, stats.sent_octets);
  CHECK_PTR(negotiated.session, wsuv_conn_extension_at(served(&rig, 0), 0).session);
  rig_close(&rig);
}

static void test_asked_for_without_memory(void **state) {
  struct rig rig;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_params_t params;
  (void)state;

  rig_open(&rig, &shared);
  join(&rig);
  failing_alloc_fail_from(&rig.lb.fa, 1);
  negotiated = wsuv_conn_extension_at(served(&rig, 0), 0);
  CHECK_PTR(NULL, negotiated.session);
  CHECK_ERR(WSUV_EINVAL, wsuv_deflate_params(&negotiated, &params));
  failing_alloc_fail_from(&rig.lb.fa, 0);
  negotiated = wsuv_conn_extension_at(served(&rig, 0), 0);
  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  rig_close(&rig);
}

static void test_asked_for_at_the_end(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig, &shared);
  join(&rig);
  talk(&rig, 0, 1000);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(served(&rig, 0)));
  check_stats(served(&rig, 0), 1000, 1000);
  rig_close(&rig);
}

/* With what was sent before it, each message becomes smaller. */
static void test_takeover(void **state) {
  struct rig rig;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_stats_t stats;
  uint64_t first;
  (void)state;

  rig_open(&rig, &dedicated);
  join(&rig);
  CHECK_INT(1, shares(served(&rig, 0)));
  talk(&rig, 0, 100);
  CHECK_INT(1, rest(&rig, 0) && !shares(served(&rig, 0)));
  CHECK_TRUE(wsuv__stats_contexts(served(&rig, 0)) > 0);
  negotiated = wsuv_conn_extension_at(served(&rig, 0), 0);
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  first = stats.sent_compressed_octets;
  talk(&rig, 0, 100);
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  CHECK_TRUE(stats.sent_compressed_octets - first < first / 2);
  rig_close(&rig);
}

/* Sessions of different agreements, and of two servers with different rules, are not taken for each other. */
static void test_kinds(void **state) {
  wsuv_deflate_options_t narrow = shared;
  struct rig rig;
  wsuv_deflate_t *other;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_params_t params;
  (void)state;

  narrow.params.deflate_max_window_bits = narrow.params.inflate_max_window_bits = 9;
  rig_open(&rig, &shared);
  other = make_deflate(&rig.lb, &narrow);
  join(&rig);
  join_with(&rig, wsuv_deflate_extension(other));
  CHECK_SIZE(4, rig.lb.loop->shared_sets.n); /* clients' rules are not the servers' */
  join(&rig);
  CHECK_SIZE(4, rig.lb.loop->shared_sets.n);
  CHECK_PTR(served(&rig, 0)->folded.extensions, served(&rig, 2)->folded.extensions);
  talk(&rig, 1, 2000);
  negotiated = wsuv_conn_extension_at(served(&rig, 1), 0);
  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  CHECK_INT(9, params.inflate_max_window_bits);
  wsuv_deflate_free(other); /* connections hold it, also those that rest */
  talk(&rig, 1, 2000);
  rig_close(&rig);
}

static void test_prepared(void **state) {
  static const char news[] = "the same for all of you, for all of you, for all of you, for you";
  struct rig rig;
  wsuv_prepared_t *prepared;
  size_t i;
  (void)state;

  rig_open(&rig, &shared);
  while (rig.n < 5)
    join(&rig);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_TEXT, OCTETS(news), 0));
  for (i = 0; i < rig.n; i++) {
    CHECK_INT(1, shares(served(&rig, i)));
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_prepared(served(&rig, i), prepared)));
  }
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  wsuv_prepared_free(prepared);
  for (i = 0; i < rig.n; i++) {
    RUN_UNTIL(&rig.lb, rig.clients[i].n[EV_MESSAGE] == 1);
    CHECK_BYTES(news, sizeof news - 1, rig.clients[i].payload, rig.clients[i].len);
  }
  rig_close(&rig);
}

/* ---- extensions that say nothing of rest ---- */

static void test_toy(void **state) {
  struct rig rig;
  const struct wsuv__extensions *set;
  (void)state;

  rig_begin(&rig);
  rig_listen(&rig, &toy_runs);
  join(&rig);
  set = served(&rig, 0)->folded.extensions;
  CHECK_INT(0, shares(served(&rig, 0)));
  CHECK_ERR(0, talker_say(&rig.clients[0], "aaaaab"));
  RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_MESSAGE] == 1 && comes_to_rest(&rig, 0));
  CHECK_BYTES("aaaaab", 6, rig.clients[0].payload, rig.clients[0].len);
  CHECK_PTR(set, served(&rig, 0)->folded.extensions);
  CHECK_SIZE(0, rig.lb.loop->shared_sets.n);
  CHECK_INT(2, toy_sessions_alive());
  rig_close(&rig);
  CHECK_INT(0, toy_sessions_alive());
}

/* ---- without memory ---- */

/* Each allocation of waking, answering and resting fails once: the message comes back, or the connection ends. */
static void test_torture(void **state) {
  size_t n;
  int failed = 1;
  (void)state;

  for (n = 1; failed; n++) {
    static uint8_t text[200];
    struct rig rig;
    struct talker *t;
    rig_open(&rig, &shared);
    join(&rig);
    join(&rig);
    t = &rig.clients[0];
    wsuv__loop_free_spares(rig.lb.loop);
    put_text(text, 0, sizeof text);
    failing_alloc_fail_once(&rig.lb.fa, n);
    if (CALL(&rig.lb, wsuv_conn_send_text(t->conn, text, sizeof text)) == 0)
      RUN_UNTIL(&rig.lb, t->n[EV_CLOSE] == 1 || (t->n[EV_MESSAGE] == 1 && comes_to_rest(&rig, 0)));
    failed = failing_alloc_has_failed(&rig.lb.fa);
    if (t->n[EV_MESSAGE] == 1)
      CHECK_BYTES(text, sizeof text, t->payload, t->len);
    failing_alloc_fail_once(&rig.lb.fa, 0);
    talk(&rig, 1, 1000);
    rig_close(&rig);
  }
  CHECK_TRUE(n > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cost),
      cmocka_unit_test(test_messages),
      cmocka_unit_test(test_asked_for),
      cmocka_unit_test(test_asked_for_without_memory),
      cmocka_unit_test(test_asked_for_at_the_end),
      cmocka_unit_test(test_takeover),
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_prepared),
      cmocka_unit_test(test_toy),
      cmocka_unit_test(test_torture),
  };

  return cmocka_run_group_tests_name("deflate: rest", tests, NULL, NULL);
}
