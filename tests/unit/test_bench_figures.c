/* The arithmetic of the benchmarks: percentiles, medians of ratios, and what their arguments mean. */
#include <stdlib.h>

#include "bench/batch.h"
#include "bench/histogram.h"
#include "bench/messages.h"
#include "bench/results.h"
#include "bench/rows.h"
#include "bench/target.h"
#include "support/check.h"
#include "wsuv/frame.h"

/* ---- percentiles ---- */

static void a_histogram_of_nothing_has_no_quantile(void **state) {
  static histogram_t h;
  (void)state;
  histogram_clear(&h);
  CHECK_TRUE(histogram_quantile(&h, 0.5) == 0);
}

static void small_values_are_exact(void **state) {
  static histogram_t h;
  (void)state;
  histogram_clear(&h);
  for (uint64_t i = 1; i <= 100; i++) {
    histogram_add(&h, i);
  }
  CHECK_INT(51, (int)histogram_quantile(&h, 0.5));
  CHECK_INT(100, (int)histogram_quantile(&h, 0.99));
  CHECK_INT(100, (int)histogram_quantile(&h, 1));
  CHECK_SIZE(100, h.n);
  CHECK_SIZE(100, h.max_ns);
}

static void every_value_is_kept_within_a_hundredth(void **state) {
  static histogram_t h;
  (void)state;
  for (uint64_t value = 1; value < (uint64_t)1 << HISTOGRAM_EXPONENT; value = value * 5 / 4 + 1) {
    histogram_clear(&h);
    histogram_add(&h, value);
    histogram_add(&h, value * 2);
    double off = histogram_quantile(&h, 0.4) / (double)value - 1;
    CHECK_TRUE(off < 0.01 && off > -0.01);
  }
}

static void what_is_longer_than_the_last_bucket_counts_there(void **state) {
  static histogram_t h;
  (void)state;
  histogram_clear(&h);
  histogram_add(&h, UINT64_MAX);
  CHECK_TRUE(histogram_quantile(&h, 0.5) > 1e12);
  CHECK_TRUE(h.max_ns == UINT64_MAX);
}

/* ---- medians ---- */

static void put(const results_t *results, size_t column, size_t round, double cpu_us) {
  load_result_t *cell = results_cell(results, 0, column, round);
  cell->n = 1000;
  cell->cpu_ns = cpu_us * 1e6;
  cell->seconds = 1;
}

static void a_ratio_is_the_median_of_those_within_the_rounds(void **state) {
  static roster_t roster = {.n = 2};
  static results_t results = {.roster = &roster, .nworkloads = 1, .nrounds = 3};
  (void)state;
  results_allocate(&results);
  CHECK_TRUE(results_median(&results, 0, 0, METRIC_CPU_US) < 0);
  CHECK_TRUE(results_ratio(&results, 0, 0, 1, METRIC_CPU_US) < 0);
  CHECK_TRUE(*results_syscalls(&results, 0, 1) < 0);
  /* The machine is slower in the second round, and the first server ten times as fast as it is in the third. */
  put(&results, 0, 0, 2);
  put(&results, 1, 0, 1);
  put(&results, 0, 1, 8);
  put(&results, 1, 1, 4);
  put(&results, 0, 2, 0.2);
  put(&results, 1, 2, 1);
  CHECK_INT(200, (int)(100 * results_ratio(&results, 0, 0, 1, METRIC_CPU_US) + 0.5));
  CHECK_INT(200, (int)(100 * results_median(&results, 0, 0, METRIC_CPU_US) + 0.5));
  /* A round in which one of them was not measured is no round of the ratio. */
  results_cell(&results, 0, 1, 1)->n = 0;
  CHECK_INT(110, (int)(100 * results_ratio(&results, 0, 0, 1, METRIC_CPU_US) + 0.5));
  CHECK_INT(1000, (int)results_median(&results, 0, 1, METRIC_RATE));
}

/* ---- arguments ---- */

struct url_row {
  const char *url;
  const char *host; /* NULL: refused */
  unsigned int port;
  const char *path;
  int tls;
};

static const struct url_row urls[] = {
    {"ws://127.0.0.1:9001/", "127.0.0.1", 9001, "/", 0},
    {"ws://example.com", "example.com", 80, "/", 0},
    {"WSS://example.com/chat?room=1", "example.com", 443, "/chat?room=1", 1},
    {"ws://[::1]:9001/x", "::1", 9001, "/x", 0},
    {"ws://[::1]", "::1", 80, "/", 0},
    {"ws://[::1/", NULL, 0, NULL, 0},
    {"ws://", NULL, 0, NULL, 0},
    {"ws://:80", NULL, 0, NULL, 0},
    {"ws://a:0", NULL, 0, NULL, 0},
    {"ws://a:65536", NULL, 0, NULL, 0},
    {"ws://a:", NULL, 0, NULL, 0},
    {"ws://a:-1", NULL, 0, NULL, 0},
    {"ws://[::1]80", NULL, 0, NULL, 0},
    {"ws://a:80x", NULL, 0, NULL, 0},
    {"ws://a?b", NULL, 0, NULL, 0},
    {"http://a/", NULL, 0, NULL, 0},
};

static void a_url(const void *data) {
  const struct url_row *row = data;
  target_t target = {.port = 0};
  const char *wrong = target_parse(&target, row->url);
  CHECK_TRUE((wrong == NULL) == (row->host != NULL));
  if (row->host != NULL) {
    CHECK_STR(row->host, target.host);
    CHECK_SIZE(row->port, target.port);
    CHECK_STR(row->path, target.path);
    CHECK_INT(row->tls, target.tls);
  }
}

static void a_name_fits_one_of_the_patterns(void **state) {
  (void)state;
  CHECK_TRUE(name_fits("echo-20", NULL));
  CHECK_TRUE(name_fits("echo-20", "churn, echo-*"));
  CHECK_TRUE(name_fits("churn", "churn,echo-*"));
  CHECK_FALSE(name_fits("churning", "churn,echo-*"));
  CHECK_FALSE(name_fits("echo-20", ""));
}

static void a_server_is_added_for_the_rows_it_is_for(void **state) {
  static roster_t roster;
  (void)state;
  CHECK_NULL(roster_add(&roster, "other=run --port {port}"));
  CHECK_NULL(roster_add(&roster, "other:tls=run --a=b"));
  CHECK_SIZE(1, roster.n);
  CHECK_STR("other", roster.list[0].name);
  CHECK_STR("run --port {port}", roster.list[0].commands[VARIANT_ECHO]);
  CHECK_STR("run --a=b", roster.list[0].commands[VARIANT_TLS]);
  CHECK_NULL(roster.list[0].commands[VARIANT_BROADCAST]);
  CHECK_NOT_NULL(roster_add(&roster, "other"));
  CHECK_NOT_NULL(roster_add(&roster, "=run"));
  CHECK_NOT_NULL(roster_add(&roster, "other="));
  CHECK_NOT_NULL(roster_add(&roster, "other:fast=run"));
  CHECK_SIZE(1, roster.n);
  CHECK_SIZE(1, roster_index(&roster, "nobody"));
}

static void a_command_is_completed(void **state) {
  (void)state;
  char *out = server_substitute("{port} x {port}", "{port}", "80");
  CHECK_STR("80 x 80", out);
  free(out);
}

/* ---- messages ---- */

static int is_utf8(const message_t *message) {
  wsuv_utf8_t utf8 = {0};
  return wsuv_utf8_feed(&utf8, message->payload, message->len) && utf8.missing == 0;
}

static void text_is_utf8_of_exactly_that_length(void **state) {
  (void)state;
  for (int kind = KIND_ASCII; kind <= KIND_JSON; kind++) {
    for (size_t len = 0; len < 1200; len += 1 + len / 7) {
      messages_t messages = {.n = 0};
      messages_make(&messages, (message_kind_t)kind, 11, len);
      CHECK_SIZE(11, messages.n);
      CHECK_TRUE(messages.is_text);
      for (size_t i = 0; i < messages.n; i++) {
        CHECK_SIZE(len, messages.list[i].len);
        CHECK_TRUE(is_utf8(&messages.list[i]));
        free((void *)(uintptr_t)messages.list[i].payload);
      }
      free(messages.list);
    }
  }
}

static void a_batch_is_repeated(void **state) {
  static const size_t ends[] = {10, 25, 31};
  (void)state;
  CHECK_SIZE(0, batch_octets(ends, 3, 0));
  CHECK_SIZE(25, batch_octets(ends, 3, 2));
  CHECK_SIZE(31, batch_octets(ends, 3, 3));
  CHECK_SIZE(72, batch_octets(ends, 3, 7));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_histogram_of_nothing_has_no_quantile),
      cmocka_unit_test(small_values_are_exact),
      cmocka_unit_test(every_value_is_kept_within_a_hundredth),
      cmocka_unit_test(what_is_longer_than_the_last_bucket_counts_there),
      cmocka_unit_test(a_ratio_is_the_median_of_those_within_the_rounds),
      cmocka_unit_test(a_name_fits_one_of_the_patterns),
      cmocka_unit_test(a_server_is_added_for_the_rows_it_is_for),
      cmocka_unit_test(a_command_is_completed),
      cmocka_unit_test(text_is_utf8_of_exactly_that_length),
      cmocka_unit_test(a_batch_is_repeated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) + CHECK_RUN_TABLE("urls", urls, a_url);
}
