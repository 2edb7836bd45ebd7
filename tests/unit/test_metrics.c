/* Numbers as OpenMetrics text: exact where it counts. `test_metrics print` writes a text that another implementation can read
 * (tests/interop/test_metrics.py). */
#include <wsuv/metrics.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

static void fill_in(wsuv_server_stats_t *stats) {
  memset(stats, 0, sizeof *stats);
  stats->size = sizeof *stats;
  stats->accepted = 12;
  stats->opened = 9;
  stats->rejected[WSUV_REJECTED_MALFORMED] = 2;
  stats->rejected[WSUV_REJECTED_RESOURCES] = 1;
  stats->connections = 4;
  stats->open = 3;
  stats->received.text = 1;
  stats->received.text_octets = 5;
  stats->sent.binary = UINT64_MAX;
  stats->sent.wire_octets = 77;
  stats->sent.plain_octets = 100;
  stats->sent.encoded_octets = 25;
  stats->drops.replaced = 6;
  stats->close_codes[0] = 7;
  stats->close_codes[6] = 1;
  stats->close_codes[WSUV_CLOSE_CLASS_4000] = 2;
  stats->tls_handshakes = 5;
  stats->tls_resumed = 2;
  stats->tls_failed = 1;
  stats->nrtts = 2;
  stats->rtt_min_ms = 1;
  stats->rtt_mean_ms = 20;
  stats->rtt_max_ms = 1234;
}

struct text {
  char out[32768];
  size_t len;
};

static void write_all(struct text *text, wsuv_metrics_t *metrics) {
  CHECK_ERR(0, wsuv_metrics_write(metrics, text->out, sizeof text->out, &text->len));
  CHECK_SIZE(strlen(text->out), text->len);
}

static void check_line(const struct text *text, const char *line) {
  const char *at = text->out;
  size_t len = strlen(line);

  for (; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, line, len) == 0 && at[len] == '\n')
      return;
  }
  print_error("no line: %s\n%s", line, text->out);
  fail();
}

static void test_lines(void **state) {
  static const char *const lines[] = {
      "# TYPE wsuv_connections_accepted counter",
      "# HELP wsuv_connections_accepted Connections taken from the listener.",
      "wsuv_connections_accepted_total{server=\"a\"} 12",
      "wsuv_connections_opened_total{server=\"a\"} 9",
      "wsuv_connections_rejected_total{server=\"a\",reason=\"malformed\"} 2",
      "wsuv_connections_rejected_total{server=\"a\",reason=\"tls\"} 0",
      "wsuv_connections_rejected_total{server=\"a\",reason=\"resources\"} 1",
      "# TYPE wsuv_connections gauge",
      "wsuv_connections{server=\"a\"} 4",
      "wsuv_connections_open{server=\"a\"} 3",
      "wsuv_connections_closed_total{server=\"a\",code=\"1000\"} 7",
      "wsuv_connections_closed_total{server=\"a\",code=\"1006\"} 1",
      "wsuv_connections_closed_total{server=\"a\",code=\"4xxx\"} 2",
      "wsuv_messages_total{server=\"a\",direction=\"received\",type=\"text\"} 1",
      "wsuv_messages_total{server=\"a\",direction=\"sent\",type=\"binary\"} 18446744073709551615",
      "# UNIT wsuv_message_bytes bytes",
      "wsuv_message_bytes_total{server=\"a\",direction=\"received\",type=\"text\"} 5",
      "wsuv_wire_bytes_total{server=\"a\",direction=\"sent\"} 77",
      "wsuv_transformed_bytes_total{server=\"a\",direction=\"sent\",form=\"plain\"} 100",
      "wsuv_transformed_bytes_total{server=\"a\",direction=\"sent\",form=\"encoded\"} 25",
      "wsuv_messages_dropped_total{server=\"a\",reason=\"replaced\"} 6",
      "wsuv_tls_handshakes_total{server=\"a\",result=\"full\"} 3",
      "wsuv_tls_handshakes_total{server=\"a\",result=\"resumed\"} 2",
      "wsuv_tls_handshakes_total{server=\"a\",result=\"failed\"} 1",
      "# UNIT wsuv_rtt_seconds seconds",
      "wsuv_rtt_seconds{server=\"a\",stat=\"min\"} 0.001",
      "wsuv_rtt_seconds{server=\"a\",stat=\"max\"} 1.234",
      "wsuv_loop_lag_seconds{loop=\"0\",stat=\"max\"} 0.250",
      "wsuv_loop_memory_bytes{loop=\"0\",class=\"queued\"} 64",
      "# EOF",
  };
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  wsuv_server_stats_t stats;
  wsuv_loop_stats_t loop;
  const wsuv_metrics_server_t server = {"a", &stats};
  const wsuv_metrics_loop_t named = {"0", &loop};
  struct text text;
  size_t i;

  (void)state;
  fill_in(&stats);
  memset(&loop, 0, sizeof loop);
  loop.lag_max_ms = 250;
  loop.memory.queued = 64;
  metrics.servers = &server;
  metrics.nservers = 1;
  metrics.loops = &named;
  metrics.nloops = 1;
  write_all(&text, &metrics);
  for (i = 0; i < sizeof lines / sizeof lines[0]; i++)
    check_line(&text, lines[i]);
  CHECK_NULL(strstr(text.out, "code=\"1001\"")); /* never seen */
  CHECK_NULL(strstr(text.out, "\n\n"));
  CHECK_STR("# EOF\n", text.out + text.len - 6);
}

/* Without a source there is no family, without a name no label; the end can be left to somebody else. */
static void test_empty(void **state) {
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  wsuv_loop_stats_t loop;
  const wsuv_metrics_loop_t unnamed = {NULL, &loop};
  struct text text;

  (void)state;
  write_all(&text, &metrics);
  CHECK_STR("# EOF\n", text.out);
  metrics.no_eof = 1;
  write_all(&text, &metrics);
  CHECK_STR("", text.out);
  memset(&loop, 0, sizeof loop);
  metrics.loops = &unnamed;
  metrics.nloops = 1;
  write_all(&text, &metrics);
  check_line(&text, "wsuv_loop_lag_seconds{stat=\"last\"} 0.000");
  CHECK_NULL(strstr(text.out, "EOF"));
  CHECK_NULL(strstr(text.out, "wsuv_messages"));
}

static void test_labels(void **state) {
  static const wsuv_metrics_label_t labels[] = {{"host", "h\"\\\n\xc3\xa9"}, {"_z9", ""}};
  static const wsuv_metrics_label_t bad[] = {{"9x", ""}, {"", ""}, {"a-b", ""}, {"a", "\xff"}};
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  wsuv_server_stats_t stats;
  wsuv_metrics_server_t servers[2] = {{"a", &stats}, {"b\"", &stats}};
  struct text text;
  const char *first;
  size_t i;

  (void)state;
  fill_in(&stats);
  metrics.servers = servers;
  metrics.nservers = 2;
  metrics.labels = labels;
  metrics.nlabels = 2;
  write_all(&text, &metrics);
  check_line(&text, "wsuv_connections{host=\"h\\\"\\\\\\n\xc3\xa9\",_z9=\"\",server=\"b\\\"\"} 4");
  first = strstr(text.out, "# TYPE wsuv_connections gauge"); /* once, the samples of both below */
  CHECK_NOT_NULL(first);
  CHECK_NULL(strstr(first + 1, "# TYPE wsuv_connections gauge"));
  metrics.nlabels = 1;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    metrics.labels = &bad[i];
    CHECK_ERR(WSUV_EINVAL, wsuv_metrics_write(&metrics, text.out, sizeof text.out, &text.len));
  }
  metrics.nlabels = 0;
  servers[0].name = "\xff";
  CHECK_ERR(WSUV_EINVAL, wsuv_metrics_write(&metrics, text.out, sizeof text.out, &text.len));
}

static void test_room(void **state) {
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  wsuv_server_stats_t stats;
  const wsuv_metrics_server_t server = {"a", &stats};
  struct text text;
  char *exact;
  size_t need;
  size_t len;

  (void)state;
  fill_in(&stats);
  metrics.servers = &server;
  metrics.nservers = 1;
  write_all(&text, &metrics);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_metrics_write(&metrics, NULL, 0, &need));
  CHECK_SIZE(text.len, need);
  exact = malloc(need + 1);
  CHECK_NOT_NULL(exact);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_metrics_write(&metrics, exact, need, &len));
  CHECK_SIZE(need, len);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_metrics_write(&metrics, exact, 10, &len));
  CHECK_SIZE(need, len);
  CHECK_ERR(0, wsuv_metrics_write(&metrics, exact, need + 1, &len));
  CHECK_STR(text.out, exact);
  free(exact);
  metrics.size = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_metrics_write(&metrics, NULL, 0, &len));
}

static void test_sums(void **state) {
  wsuv_server_stats_t sum;
  wsuv_server_stats_t other;

  (void)state;
  memset(&sum, 0, sizeof sum);
  memset(&other, 0, sizeof other);
  wsuv_server_stats_add(&sum, &other);
  CHECK_INT(-1, sum.rtt_mean_ms);
  fill_in(&other);
  wsuv_server_stats_add(&sum, &other);
  CHECK_INT(20, sum.rtt_mean_ms);
  other.nrtts = 1;
  other.rtt_min_ms = 5;
  other.rtt_mean_ms = 5;
  other.rtt_max_ms = 5;
  wsuv_server_stats_add(&sum, &other);
  CHECK_SIZE(24, sum.accepted);
  CHECK_SIZE(4, sum.rejected[WSUV_REJECTED_MALFORMED]);
  CHECK_SIZE(10, sum.received.text_octets);
  CHECK_SIZE(154, sum.sent.wire_octets);
  CHECK_SIZE(14, sum.close_codes[0]);
  CHECK_SIZE(10, sum.tls_handshakes);
  CHECK_SIZE(3, sum.nrtts);
  CHECK_INT(1, sum.rtt_min_ms);
  CHECK_INT(15, sum.rtt_mean_ms);
  CHECK_INT(1234, sum.rtt_max_ms);
}

static void test_close_classes(void **state) {
  (void)state;
  CHECK_INT(0, wsuv_close_class(1000));
  CHECK_INT(15, wsuv_close_class(1015));
  CHECK_INT(WSUV_CLOSE_CLASS_3000, wsuv_close_class(3000));
  CHECK_INT(WSUV_CLOSE_CLASS_3000, wsuv_close_class(3999));
  CHECK_INT(WSUV_CLOSE_CLASS_4000, wsuv_close_class(4000));
  CHECK_INT(WSUV_CLOSE_CLASS_4000, wsuv_close_class(4999));
  CHECK_INT(-1, wsuv_close_class(0));
  CHECK_INT(-1, wsuv_close_class(999));
  CHECK_INT(-1, wsuv_close_class(1016));
  CHECK_INT(-1, wsuv_close_class(5000));
}

/* Everything there is, with names that need care. */
static int print_text(void) {
  static const wsuv_metrics_label_t label = {"instance", "a \"quoted\"\\\nname"};
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  wsuv_server_stats_t stats;
  wsuv_loop_stats_t loop;
  const wsuv_metrics_server_t servers[2] = {{"a", &stats}, {"b", &stats}};
  const wsuv_metrics_loop_t loops[2] = {{"0", &loop}, {"1", &loop}};
  static struct text text;

  fill_in(&stats);
  memset(&loop, 0, sizeof loop);
  loop.memory.buffers = 589824;
  metrics.servers = servers;
  metrics.nservers = 2;
  metrics.loops = loops;
  metrics.nloops = 2;
  metrics.labels = &label;
  metrics.nlabels = 1;
  if (wsuv_metrics_write(&metrics, text.out, sizeof text.out, &text.len) != 0)
    return 1;
  return fwrite(text.out, 1, text.len, stdout) == text.len ? 0 : 1;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),  cmocka_unit_test(test_empty),
      cmocka_unit_test(test_labels), cmocka_unit_test(test_room),
      cmocka_unit_test(test_sums),   cmocka_unit_test(test_close_classes),
  };
  if (argc > 1 && strcmp(argv[1], "print") == 0)
    return print_text();
  return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
