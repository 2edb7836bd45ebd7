/* What a TLS stream reads: sizes at the borders of records, every cut, owners that stop reading and go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/tls_io.h"
#include "support/tls_rig.h"
#include "wsuv/errno.h"

#define RECORD WSUV__TLS_RECORD_SIZE
#define LARGE  1400000u

static uint8_t data[LARGE];
static uint8_t more[LARGE];

#define NSIZES (sizeof tls_rig_sizes / sizeof tls_rig_sizes[0])

/* What `plain` octets, at most a record, become on the wire of TLS 1.3. */
static size_t sealed_len(size_t plain) {
  return plain + 5 + 17;
}

static void check_got(struct tls_rig *rig, const void *expected, size_t len) {
  CHECK_SIZE(len, rig->owner.in.len);
  CHECK_TRUE(memcmp(expected, rig->owner.in.base, len) == 0);
  rig->owner.in.len = 0;
}

static void all_sizes_arrive(const void *arg) {
  const struct tls_rig_row *row = arg;
  struct tls_rig rig;
  size_t i;

  tls_rig_connect(&rig, row->role, row->version);
  for (i = 0; i < NSIZES; i++) {
    tls_rig_peer_write(&rig, data, tls_rig_sizes[i]);
    tls_rig_deliver_all(&rig);
    check_got(&rig, data, tls_rig_sizes[i]);
  }
  tls_rig_close(&rig);
}

/* Two records with every cut, and one octet at a time. */
static void every_cut_of_the_input(void **state) {
  struct tls_rig rig;
  size_t total = sealed_len(40) + sealed_len(60);
  size_t cut;
  (void)state;

  tls_rig_connect(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  for (cut = 1; cut <= total; cut++) {
    tls_rig_peer_write(&rig, data, 40);
    tls_rig_peer_write(&rig, data + 40, 60);
    CHECK_SIZE(total, rig.wire.len);
    tls_rig_deliver(&rig, cut);
    CHECK_SIZE(cut < 62 ? 0 : cut < total ? 40 : 100, rig.owner.in.len);
    if (rig.wire.len > 0)
      tls_rig_deliver(&rig, SIZE_MAX);
    check_got(&rig, data, 100);
  }
  tls_rig_peer_write(&rig, data, 100);
  while (rig.wire.len > 0)
    tls_rig_deliver(&rig, 1);
  check_got(&rig, data, 100);
  tls_rig_close(&rig);
}

/* A thousand messages come as one event. */
static void many_records_are_one_event(void **state) {
  struct tls_rig rig;
  size_t i;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  for (i = 0; i < 1000; i++)
    tls_rig_peer_write(&rig, data + i * 20, 20);
  rig.owner.nreads = 0;
  tls_rig_deliver(&rig, SIZE_MAX);
  CHECK_SIZE(1, rig.owner.nreads);
  check_got(&rig, data, 20000);
  tls_rig_close(&rig);
}

/* More than the loop's buffer has room for, with borders of records anywhere. */
static void more_than_the_buffer_takes(void **state) {
  static const size_t pieces[] = {RECORD, 10000, 16383, 1000};
  struct tls_rig rig;
  size_t i;
  size_t at;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  for (i = 0; i < 4; i++) {
    for (at = 0; at < LARGE; at += pieces[i])
      tls_rig_peer_write(&rig, data + at, pieces[i] < LARGE - at ? pieces[i] : LARGE - at);
    rig.owner.nreads = 0;
    tls_rig_deliver(&rig, SIZE_MAX);
    CHECK_SIZE(3, rig.owner.nreads);
    check_got(&rig, data, LARGE);
  }
  tls_rig_close(&rig);
}

/* ---- reading stops and goes on ---- */

static void stop_every_time(struct tls_rig *rig, enum tls_event event) {
  if (event == TLS_EV_READ)
    tls_rig_read_stop(rig);
}

/* The owner stops in every event: what is behind it waits, wherever it is, and nothing more is read from below. */
static void stopping_in_every_event(void **state) {
  struct tls_rig rig;
  size_t at;
  size_t n = 0;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  rig.owner.on_event = stop_every_time;
  for (at = 0; at < LARGE; at += 9000)
    tls_rig_peer_write(&rig, data + at, at + 9000 < LARGE ? 9000 : LARGE - at);
  rig.owner.nreads = 0;
  tls_rig_deliver(&rig, SIZE_MAX);
  for (n = 1; rig.owner.in.len < LARGE; n++) {
    CHECK_SIZE(n, rig.owner.nreads);
    CHECK_INT(0, rig.lower.reading);
    tls_rig_turn(&rig);
    CHECK_SIZE(n, rig.owner.nreads); /* it has not asked */
    CHECK_ERR(0, tls_rig_read_start(&rig));
    CHECK_INT(1, rig.lower.reading);
    tls_rig_turn(&rig);
  }
  check_got(&rig, data, LARGE);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_turn(&rig);
  CHECK_SIZE(0, rig.owner.in.len);
  tls_rig_close(&rig);
}

/* What arrives before the task has run comes behind what was kept; and who stops again gets nothing. */
static void starting_and_stopping(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_connect(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  rig.owner.on_event = stop_every_time;
  tls_rig_peer_write(&rig, data, RECORD);
  tls_rig_deliver(&rig, 6000);
  CHECK_SIZE(0, rig.owner.in.len); /* a part of a record is no data */
  tls_rig_peer_write(&rig, data + RECORD, 100);
  tls_rig_deliver(&rig, SIZE_MAX);
  check_got(&rig, data, RECORD + 100);
  CHECK_INT(0, rig.lower.reading);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_read_stop(&rig);
  tls_rig_turn(&rig);
  CHECK_INT(0, rig.lower.reading);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_peer_write(&rig, more, 50);
  tls_rig_deliver_all(&rig);
  check_got(&rig, more, 50);
  tls_rig_close(&rig);
}

/* Kept, and more behind it before the loop's next turn: in order, in one event. */
static void what_was_kept_comes_first(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_open(&rig, WSUV_SERVER, TLS1_2_VERSION);
  tls_rig_start(&rig);
  CHECK_INT(0, tls_rig_peer_shake(&rig));
  tls_rig_deliver_all(&rig);
  CHECK_INT(0, tls_rig_peer_shake(&rig));
  tls_rig_deliver(&rig, SIZE_MAX);
  CHECK_INT(1, tls_rig_peer_shake(&rig));
  CHECK_ERR(0, rig.owner.connected);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  rig.owner.on_event = stop_every_time;
  memcpy(more, data, 600000);
  tls_rig_peer_write(&rig, data, 540000);
  tls_rig_deliver(&rig, SIZE_MAX);
  CHECK_SIZE(512 * 1024, rig.owner.in.len);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_peer_write(&rig, data + 540000, 60000);
  tls_rig_deliver(&rig, SIZE_MAX); /* before the task runs */
  check_got(&rig, more, 600000);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_turn(&rig);
  CHECK_SIZE(0, rig.owner.in.len);
  tls_rig_close(&rig);
}

/* An SSL_CTX of the application's may read ahead: whole records lie in OpenSSL then, which SSL_pending does not count. All
 * that came is delivered all the same. FAILS without a fix in src/io/tls_stream.c: SSL_set_read_ahead(ssl, 0). */
static void reading_ahead(void **state) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  SSL_CTX *peer_ctx = tls_rig_new_peer_ctx(WSUV_SERVER, TLS1_3_VERSION);
  wsuv_tls_context_t *context;
  struct tls_rig rig;
  int i;
  (void)state;

  CHECK_INT(1, SSL_CTX_use_certificate_chain_file(ctx, WSUV_TEST_CERTS "/server.pem"));
  CHECK_INT(1, SSL_CTX_use_PrivateKey_file(ctx, WSUV_TEST_CERTS "/server.key", SSL_FILETYPE_PEM));
  SSL_CTX_set_read_ahead(ctx, 1);
  CHECK_ERR(0, wsuv_tls_context_from_ssl_ctx(&context, WSUV_SERVER, ctx));
  tls_rig_open_with(&rig, WSUV_SERVER, context, peer_ctx);
  tls_rig_start(&rig);
  tls_rig_shake(&rig);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  for (i = 0; i < 10; i++)
    tls_rig_peer_write(&rig, data + i * 20, 20);
  tls_rig_deliver(&rig, SIZE_MAX);
  check_got(&rig, data, 200);
  tls_rig_close(&rig);
  wsuv_tls_context_release(context);
  SSL_CTX_free(ctx);
  SSL_CTX_free(peer_ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cut_of_the_input),
      cmocka_unit_test(many_records_are_one_event),
      cmocka_unit_test(more_than_the_buffer_takes),
      cmocka_unit_test(stopping_in_every_event),
      cmocka_unit_test(starting_and_stopping),
      cmocka_unit_test(what_was_kept_comes_first),
      cmocka_unit_test(reading_ahead),
  };
  int failures;

  tls_rig_fill(data, sizeof data, 1);
  tls_rig_fill(more, sizeof more, 77);
  failures = CHECK_RUN_TABLE("all sizes", tls_rig_rows, all_sizes_arrive);
  failures += cmocka_run_group_tests_name("TLS input", tests, NULL, NULL);
  tls_rig_forget_contexts();
  return failures;
}
