/* What a TLS stream writes: sizes at the borders of records, many buffers, transports that take little. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/tls_io.h"
#include "support/tls_rig.h"
#include "wsuv/errno.h"

#define RECORD WSUV__TLS_RECORD_SIZE
#define CHUNK  (4u * RECORD)
#define LARGE  300000u

static uint8_t data[LARGE];

#define NSIZES (sizeof tls_rig_sizes / sizeof tls_rig_sizes[0])

/* Octets that AES-GCM adds to a record's body: a tag, and in TLS 1.2 eight of the nonce, in 1.3 the content type. */
static size_t overhead(int version) {
  return version == TLS1_3_VERSION ? 17 : 24;
}

/* What `plain` octets become on the wire when every record but the last is full. */
static size_t sealed_len(int version, size_t plain) {
  size_t nrecords = (plain + RECORD - 1) / RECORD;
  return plain + nrecords * (5 + overhead(version));
}

static void check_peer_got(struct tls_rig *rig, const void *expected, size_t len) {
  tls_rig_settle(rig);
  CHECK_INT(SSL_ERROR_WANT_READ, tls_rig_peer_read(rig));
  CHECK_SIZE(len, rig->peer_in.len);
  CHECK_TRUE(len == 0 || memcmp(expected, rig->peer_in.base, len) == 0);
  rig->peer_in.len = 0;
}

/* As a connection writes: what try_write does not take is written. How much it took. */
static size_t send_all(struct tls_rig *rig, const uint8_t *bytes, size_t len) {
  int n = tls_rig_try_write(rig, bytes, len);

  CHECK_TRUE(n >= 0 && (size_t)n <= len);
  if ((size_t)n < len)
    CHECK_ERR(0, tls_rig_write(rig, bytes + n, len - (size_t)n));
  return (size_t)n;
}

/* ---- output ---- */

/* A transport that takes everything has it at once, in full records. */
static void records_are_full(const void *arg) {
  const struct tls_rig_row *row = arg;
  struct tls_rig rig;
  size_t i;
  size_t k;

  tls_rig_connect(&rig, row->role, row->version);
  for (i = 0; i < NSIZES; i++) {
    size_t at = rig.lower.out.len;
    size_t nrecords = (tls_rig_sizes[i] + RECORD - 1) / RECORD;
    CHECK_SIZE(tls_rig_sizes[i], send_all(&rig, data, tls_rig_sizes[i]));
    CHECK_SIZE(nrecords, tls_octets_nrecords(&rig.lower.out, at));
    for (k = 0; k + 1 < nrecords; k++)
      CHECK_INT(RECORD + overhead(row->version), tls_octets_record(&rig.lower.out, at, k));
    CHECK_INT(tls_rig_sizes[i] - k * RECORD + overhead(row->version),
              tls_octets_record(&rig.lower.out, at, k));
    CHECK_SIZE(sealed_len(row->version, tls_rig_sizes[i]), rig.lower.out.len - at);
    CHECK_SIZE(0, tls_rig_held(&rig));
    check_peer_got(&rig, data, tls_rig_sizes[i]);
  }
  CHECK_INT(0, tls_rig_try_write(&rig, data, 0));
  CHECK_INT(0, rig.owner.nwritten);
  tls_rig_close(&rig);
}

/* Room of interest: all near a record's end, few in between. */
static size_t next_room(size_t room) {
  size_t at = room % (RECORD + 22);
  size_t step = getenv("WSUV_SLOW_RUN") != NULL ? 8191 : 2039;
  return at > 30 && at < RECORD - 10 ? room + step : room + 1;
}

/* Whatever the transport takes at once, the counts are exact and everything arrives once. */
static void little_room(void **state) {
  struct tls_rig rig;
  size_t len = CHUNK + 100;
  size_t room;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  for (room = 0; room < sealed_len(TLS1_3_VERSION, len) + 10; room = next_room(room)) {
    size_t sealed = sealed_len(TLS1_3_VERSION, CHUNK);
    int nwritten = rig.owner.nwritten;
    size_t taken;
    rig.lower.room = room;
    taken = (size_t)tls_rig_try_write(&rig, data, len);
    CHECK_SIZE(room >= sealed ? len : CHUNK, taken);
    if (room < sealed)
      CHECK_SIZE(sealed - room, tls_rig_held(&rig));
    CHECK_INT(room < sealed_len(TLS1_3_VERSION, len), rig.lower.writing);
    if (rig.lower.writing) {
      size_t held = tls_rig_held(&rig);
      CHECK_INT(0, tls_rig_try_write(&rig, data, 1)); /* not behind it */
      tls_rig_take_some(&rig, 1);
      CHECK_SIZE(held - 1, tls_rig_held(&rig));
    }
    if (taken < len)
      CHECK_ERR(0, tls_rig_write(&rig, data + taken, len - taken));
    check_peer_got(&rig, data, len);
    CHECK_SIZE(0, tls_rig_held(&rig));
    CHECK_SIZE(0, tls_rig_unwritten(&rig));
    CHECK_INT(nwritten + (taken < len), rig.owner.nwritten);
  }
  CHECK_ERR(0, rig.owner.written);
  tls_rig_close(&rig);
}

/* A write of the owner's: its plaintext and then its ciphertext is unwritten, until the last octet is gone. */
static void a_write_is_done_when_all_of_it_is_gone(void **state) {
  struct tls_rig rig;
  size_t len = 2 * CHUNK + 5;
  size_t sealed = sealed_len(TLS1_3_VERSION, CHUNK);
  (void)state;

  tls_rig_connect(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  rig.lower.room = 0;
  CHECK_ERR(0, tls_rig_write(&rig, data, len));
  CHECK_SIZE(len, tls_rig_unwritten(&rig));
  CHECK_INT(0, rig.lower.writing); /* not inside of the call */
  CHECK_SIZE(0, tls_rig_held(&rig));
  tls_rig_turn(&rig);
  CHECK_INT(1, rig.lower.writing);
  CHECK_SIZE(sealed, rig.lower.pending.len);
  CHECK_SIZE(len - CHUNK + sealed, tls_rig_unwritten(&rig));
  CHECK_SIZE(0, tls_rig_held(&rig)); /* of this the owner knows */
  tls_rig_take_some(&rig, 1000);
  CHECK_SIZE(len - CHUNK + sealed - 1000, tls_rig_unwritten(&rig));
  tls_rig_finish_write(&rig, 0);
  CHECK_SIZE(5 + sealed, tls_rig_unwritten(&rig)); /* the next one */
  CHECK_INT(0, rig.owner.nwritten);
  tls_rig_finish_write(&rig, 0);
  CHECK_SIZE(5 + 22, rig.lower.pending.len);
  CHECK_INT(0, rig.owner.nwritten);
  tls_rig_finish_write(&rig, 0);
  CHECK_INT(1, rig.owner.nwritten);
  CHECK_ERR(0, rig.owner.written);
  CHECK_SIZE(0, tls_rig_unwritten(&rig));
  check_peer_got(&rig, data, len);
  tls_rig_close(&rig);
}

static void a_write_that_the_transport_takes_at_once(void **state) {
  struct tls_rig rig;
  uv_buf_t none = uv_buf_init(NULL, 0);
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  CHECK_ERR(0, tls_rig_write(&rig, data, 3 * CHUNK));
  CHECK_INT(0, rig.owner.nwritten);
  tls_rig_turn(&rig);
  CHECK_INT(1, rig.owner.nwritten);
  check_peer_got(&rig, data, 3 * CHUNK);
  CHECK_ERR(0, tls_rig_write_bufs(&rig, &none, 1)); /* nothing is something to be told of, too */
  CHECK_INT(1, rig.owner.nwritten);
  tls_rig_turn(&rig);
  CHECK_INT(2, rig.owner.nwritten);
  check_peer_got(&rig, data, 0);
  tls_rig_close(&rig);
}

/* ---- many buffers ---- */

struct gather_row {
  const char *name;
  size_t lens[8]; /* 0 in front of one that is not: an empty buffer */
  unsigned n;
  size_t records[6];
  unsigned nrecords;
};

static const struct gather_row gather_rows[] = {
    {"small ones are one record", {2, 10, 4, 300, 1}, 5, {317}, 1},
    {"empty ones are nothing", {0, 10, 0, 0, 5, 0}, 6, {15}, 1},
    {"only empty ones", {0, 0}, 2, {0}, 0},
    {"a head before a full record", {2, RECORD}, 2, {RECORD, 2}, 2},
    {"a head before a large one", {10, 3 * RECORD}, 2, {RECORD, RECORD, RECORD, 10}, 4},
    {"a large one before a small one", {2 * RECORD, 4}, 2, {RECORD, RECORD, 4}, 3},
    {"a large one with a rest", {2 * RECORD + 7, 4}, 2, {RECORD, RECORD, 11}, 3},
    {"exactly one record", {1, RECORD - 1, 1}, 3, {RECORD, 1}, 2},
    {"one octet too few", {1, RECORD - 2, 0}, 3, {RECORD - 1}, 1},
    {"the end of a chunk", {5, CHUNK - 5, 6}, 3, {RECORD, RECORD, RECORD, RECORD, 6}, 5},
    {"over the end of a chunk", {5, CHUNK - 6, 6, 6}, 4, {RECORD, RECORD, RECORD, RECORD, 11}, 5},
};

static unsigned cut_up(const struct gather_row *row, uv_buf_t *bufs, size_t *total) {
  unsigned i;

  *total = 0;
  for (i = 0; i < row->n; i++) {
    bufs[i] = uv_buf_init((char *)data + *total, (unsigned)row->lens[i]);
    *total += row->lens[i];
  }
  return row->n;
}

static void check_records(const struct gather_row *row, struct tls_rig *rig, size_t at) {
  unsigned i;

  CHECK_SIZE(row->nrecords, tls_octets_nrecords(&rig->lower.out, at));
  for (i = 0; i < row->nrecords; i++)
    CHECK_INT(row->records[i] + 17, tls_octets_record(&rig->lower.out, at, i));
}

static void many_buffers(const void *arg) {
  const struct gather_row *row = arg;
  struct tls_rig rig;
  uv_buf_t bufs[8];
  size_t total;
  unsigned n = cut_up(row, bufs, &total);
  size_t at;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  at = rig.lower.out.len;
  CHECK_INT(total, tls_rig_try_write_bufs(&rig, bufs, n));
  check_records(row, &rig, at);
  check_peer_got(&rig, data, total);
  at = rig.lower.out.len; /* and as a write */
  CHECK_ERR(0, tls_rig_write_bufs(&rig, bufs, n));
  memset(bufs, 0, sizeof bufs); /* the list itself need not stay */
  tls_rig_settle(&rig);
  CHECK_INT(1, rig.owner.nwritten);
  check_records(row, &rig, at);
  check_peer_got(&rig, data, total);
  tls_rig_close(&rig);
}

/* try_write has room for 32 without memory of its own; the others are for the next call. */
static void more_buffers_than_try_write_takes(void **state) {
  struct tls_rig rig;
  uv_buf_t bufs[40];
  size_t ncalls;
  unsigned i;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  for (i = 0; i < 40; i++)
    bufs[i] = uv_buf_init((char *)data + i * 10, 10);
  ncalls = rig.fa.ncalls;
  CHECK_INT(320, tls_rig_try_write_bufs(&rig, bufs, 40));
  CHECK_SIZE(ncalls, rig.fa.ncalls);
  check_peer_got(&rig, data, 320);
  CHECK_ERR(0, tls_rig_write_bufs(&rig, bufs, 40));
  check_peer_got(&rig, data, 400);
  tls_rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(little_room),
      cmocka_unit_test(a_write_is_done_when_all_of_it_is_gone),
      cmocka_unit_test(a_write_that_the_transport_takes_at_once),
      cmocka_unit_test(more_buffers_than_try_write_takes),
  };
  int failures;

  tls_rig_fill(data, sizeof data, 1);
  failures = CHECK_RUN_TABLE("full records", tls_rig_rows, records_are_full);
  failures += CHECK_RUN_TABLE("many buffers", gather_rows, many_buffers);
  failures += cmocka_run_group_tests_name("TLS output", tests, NULL, NULL);
  tls_rig_forget_contexts();
  return failures;
}
