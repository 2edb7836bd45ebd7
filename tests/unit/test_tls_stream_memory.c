/* A TLS stream's whole life with every allocation failing once: ours, and OpenSSL's on our behalf. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "support/tls_rig.h"
#include "wsuv/errno.h"

#define LARGE 100000u

static uint8_t data[LARGE];

/* ---- OpenSSL's allocations; they count while ours is at work ---- */

static int is_armed;
static size_t countdown; /* 0: none fails any more */
static size_t ncrypto_failed;

static int refuses(void) {
  if (!is_armed || countdown == 0 || --countdown > 0)
    return 0;
  ncrypto_failed++;
  return 1;
}

static void *crypto_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return refuses() ? NULL : malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return refuses() ? NULL : realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line) {
  (void)file;
  (void)line;
  free(ptr);
}

#define OURS(call) \
  do {             \
    is_armed = 1;  \
    call;          \
    is_armed = 0;  \
  } while (0)

/* ---- the life ---- */

struct life_row {
  const char *name;
  wsuv_role_t role;
  int version;
};

static const struct life_row rows[] = {
    {"server, TLS 1.2", WSUV_SERVER, TLS1_2_VERSION},
    {"server, TLS 1.3", WSUV_SERVER, TLS1_3_VERSION},
    {"client, TLS 1.2", WSUV_CLIENT, TLS1_2_VERSION},
    {"client, TLS 1.3", WSUV_CLIENT, TLS1_3_VERSION},
};

static int is_well(const struct tls_rig *rig) {
  return rig->owner.connected == 0 && rig->owner.nends == 0 &&
         (rig->owner.written == 1 || rig->owner.written == 0);
}

static void deliver(struct tls_rig *rig, size_t len) {
  tls_rig_from_peer(rig);
  if (rig->lower.reading && rig->wire.len > 0)
    OURS(tls_rig_deliver(rig, len));
}

static void shake(struct tls_rig *rig) {
  int rounds;

  for (rounds = 0; rounds < 12 && rig->owner.connected == 1; rounds++) {
    OURS(tls_rig_settle(rig));
    if (tls_rig_peer_shake(rig) < 0)
      break;
    deliver(rig, rig->wire.len - rig->wire.len / 3);
  }
  OURS(tls_rig_settle(rig));
  (void)tls_rig_peer_shake(rig);
}

static void stop(struct tls_rig *rig, enum tls_event event) {
  if (event == TLS_EV_READ)
    tls_rig_read_stop(rig);
}

static int npieces; /* 6 are more than the loop's buffer takes */

/* Input that is kept because the owner stops amid it. */
static void receive(struct tls_rig *rig) {
  int i;

  rig->owner.on_event = stop;
  for (i = 0; i < npieces; i++)
    tls_rig_peer_write(rig, data, LARGE);
  deliver(rig, SIZE_MAX);
  rig->owner.on_event = NULL;
  OURS((void)tls_rig_read_start(rig));
  OURS(tls_rig_turn(rig));
}

/* Output of both kinds, with something of TLS's own behind it. */
static void transmit(struct tls_rig *rig, int version) {
  int n = 0;

  rig->lower.room = 10;
  OURS(n = tls_rig_try_write(rig, data, 1000));
  CHECK_TRUE(n == 1000 || n == WSUV_ENOMEM || n == 0 || ncrypto_failed > 0);
  if (version == TLS1_3_VERSION) {
    for (n = 0; n < 2; n++) {
      (void)SSL_key_update(rig->peer, SSL_KEY_UPDATE_REQUESTED);
      tls_rig_peer_write(rig, data, 10);
    }
  } else {
    (void)SSL_renegotiate(rig->peer);
    (void)SSL_do_handshake(rig->peer);
  }
  deliver(rig, SIZE_MAX);
  OURS(n = tls_rig_write(rig, data, LARGE));
  OURS(tls_rig_settle(rig));
}

/* Runs it with the failures that were set, to the end or to the first error that the owner is told of. */
static void live(struct tls_rig *rig, const struct life_row *row) {
  int err = 0;

  OURS(err = tls_rig_put_on(rig, tls_rig_context(row->role)));
  if (err != 0) {
    CHECK_ERR(WSUV_ENOMEM, err);
    return;
  }
  rig->lower.room = 60;
  OURS(tls_rig_start(rig));
  shake(rig);
  if (is_well(rig)) {
    OURS((void)tls_rig_read_start(rig));
    receive(rig);
  }
  if (is_well(rig))
    transmit(rig, row->version);
  if (is_well(rig)) {
    OURS((void)tls_rig_shutdown(rig));
    OURS(tls_rig_settle(rig));
  }
  OURS(tls_rig_end(rig));
  OURS(tls_rig_finish_close(rig));
}

/* The SSL_CTX of the peer; a peer that goes on where the stream had failed does no harm. */
static void open_rig(struct tls_rig *rig, const struct life_row *row, SSL_CTX *peer_ctx) {
  (void)tls_rig_context(row->role);
  tls_rig_prepare(rig, row->role, peer_ctx);
}

/* 0, not told (1), or for want of memory. */
static void check_status(int status) {
  if (status != 0 && status != 1)
    CHECK_ERR(WSUV_ENOMEM, status);
}

static void check_all_is_well(struct tls_rig *rig) {
  CHECK_ERR(0, rig->owner.connected);
  CHECK_ERR(0, rig->owner.written);
  CHECK_INT(0, rig->owner.nends);
  CHECK_INT(1, rig->lower.shut);
  CHECK_TRUE(rig->owner.in.len >= (size_t)npieces * LARGE);
}

static void each_of_ours_fails(const void *arg) {
  const struct life_row *row = arg;
  SSL_CTX *peer_ctx = tls_rig_new_peer_ctx(row->role, row->version);
  int has_failed = 1;
  size_t n;

  npieces = 6;
  for (n = 1; has_failed; n++) {
    struct tls_rig rig;
    open_rig(&rig, row, peer_ctx);
    failing_alloc_fail_once(&rig.fa, n);
    live(&rig, row);
    has_failed = failing_alloc_has_failed(&rig.fa);
    check_status(rig.owner.connected);
    check_status(rig.owner.end);
    check_status(rig.owner.written == UV_ECANCELED ? 0 : rig.owner.written);
    if (!has_failed)
      check_all_is_well(&rig);
    tls_rig_close(&rig);
  }
  CHECK_TRUE(n > 12);
  SSL_CTX_free(peer_ctx);
}

/* An error of the owner's, or OpenSSL did without: then everything else is as it should be. */
static void each_of_openssls_fails(const void *arg) {
  const struct life_row *row = arg;
  SSL_CTX *peer_ctx = tls_rig_new_peer_ctx(row->role, row->version);
  size_t step = getenv("WSUV_SLOW_RUN") != NULL ? 211 : 13;
  int has_failed = 1;
  size_t n;

  npieces = 1;
  for (n = 1; has_failed; n += n < 100 ? 1 : step) {
    struct tls_rig rig;
    open_rig(&rig, row, peer_ctx);
    ncrypto_failed = 0;
    countdown = n;
    live(&rig, row);
    countdown = 0;
    has_failed = ncrypto_failed > 0;
    if (!has_failed)
      check_all_is_well(&rig);
    tls_rig_close(&rig);
  }
  CHECK_TRUE(n > 100);
  ncrypto_failed = 0;
  SSL_CTX_free(peer_ctx);
}

int main(void) {
  int failures = 0;

  if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
    return 1;
  tls_rig_fill(data, sizeof data, 11);
  failures += CHECK_RUN_TABLE("every allocation of ours", rows, each_of_ours_fails);
  failures += CHECK_RUN_TABLE("every allocation of OpenSSL's", rows, each_of_openssls_fails);
  tls_rig_forget_contexts();
  return failures;
}
