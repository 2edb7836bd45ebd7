/* The keys of session tickets: when they change, and what an old one still opens. Time is an argument. */
#include <openssl/core_names.h>
#include <string.h>

#include "io/tls_tickets.h"
#include "support/check.h"

#define LIFETIME 100u

struct ticket {
  unsigned char name[WSUV__TICKET_NAME_SIZE];
  unsigned char iv[EVP_MAX_IV_LENGTH];
  unsigned char sealed[64];
  int len;
  unsigned char mac[32];
};

struct contexts {
  EVP_CIPHER_CTX *cipher;
  EVP_MAC *type;
  EVP_MAC_CTX *mac;
};

static const unsigned char secret[20] = "nineteen characters";

static void open_contexts(struct contexts *c) {
  c->cipher = EVP_CIPHER_CTX_new();
  c->type = EVP_MAC_fetch(NULL, "HMAC", NULL);
  c->mac = EVP_MAC_CTX_new(c->type);
  CHECK_TRUE(c->cipher != NULL && c->mac != NULL);
}

static void close_contexts(struct contexts *c) {
  EVP_CIPHER_CTX_free(c->cipher);
  EVP_MAC_CTX_free(c->mac);
  EVP_MAC_free(c->type);
}

static void finish_mac(struct contexts *c, const struct ticket *t, unsigned char *out) {
  size_t len;
  CHECK_INT(1, EVP_MAC_init(c->mac, NULL, 0, NULL));
  CHECK_INT(1, EVP_MAC_update(c->mac, t->sealed, (size_t)t->len));
  CHECK_INT(1, EVP_MAC_final(c->mac, out, &len, 32));
  CHECK_SIZE(32, len);
}

/* As OpenSSL does it around its callback. */
static void seal(const struct wsuv__tickets *tickets, struct ticket *t) {
  struct contexts c;
  int more;

  memset(t, 0, sizeof *t);
  open_contexts(&c);
  CHECK_INT(1, wsuv__tickets_seal(tickets, t->name, t->iv, c.cipher, c.mac));
  CHECK_INT(1, EVP_EncryptUpdate(c.cipher, t->sealed, &t->len, secret, sizeof secret));
  CHECK_INT(1, EVP_EncryptFinal(c.cipher, t->sealed + t->len, &more));
  t->len += more;
  finish_mac(&c, t, t->mac);
  close_contexts(&c);
}

/* What the callback says; if it says so, the ticket has to open. */
static int unseal(const struct wsuv__tickets *tickets, const struct ticket *t) {
  unsigned char opened[64];
  unsigned char mac[32];
  struct contexts c;
  int result;
  int len;
  int more;

  open_contexts(&c);
  result = wsuv__tickets_open(tickets, t->name, t->iv, c.cipher, c.mac);
  if (result > 0) {
    finish_mac(&c, t, mac);
    CHECK_BYTES(t->mac, 32, mac, 32);
    CHECK_INT(1, EVP_DecryptUpdate(c.cipher, opened, &len, t->sealed, t->len));
    CHECK_INT(1, EVP_DecryptFinal(c.cipher, opened + len, &more));
    CHECK_BYTES(secret, sizeof secret, opened, (size_t)(len + more));
  }
  close_contexts(&c);
  return result;
}

static void a_key_is_made_when_it_is_needed(void **state) {
  struct wsuv__tickets tickets;
  struct ticket t;
  (void)state;

  memset(&tickets, 0xff, sizeof tickets);
  wsuv__tickets_init(&tickets, LIFETIME);
  CHECK_INT(0, tickets.nkeys);
  memset(&t, 0, sizeof t);
  CHECK_INT(0, unseal(&tickets, &t)); /* zeroes are no key's name */
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 0));
  seal(&tickets, &t);
  CHECK_INT(1, unseal(&tickets, &t));
  t.name[15] ^= 1;
  CHECK_INT(0, unseal(&tickets, &t));
  wsuv__tickets_wipe(&tickets);
}

/* For one lifetime it seals, for another it opens and says that the ticket is to be replaced, then it is gone. */
static void a_key_is_good_for_two_lifetimes(void **state) {
  struct wsuv__tickets tickets;
  struct ticket first;
  struct ticket second;
  struct ticket third;
  (void)state;

  wsuv__tickets_init(&tickets, LIFETIME);
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1000));
  seal(&tickets, &first);
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1099));
  CHECK_INT(1, unseal(&tickets, &first));
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1100));
  CHECK_INT(2, unseal(&tickets, &first));
  seal(&tickets, &second);
  CHECK_TRUE(memcmp(first.name, second.name, sizeof first.name) != 0);
  CHECK_INT(1, unseal(&tickets, &second));
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1199));
  CHECK_INT(2, unseal(&tickets, &first));
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1200));
  CHECK_INT(0, unseal(&tickets, &first));
  CHECK_INT(2, unseal(&tickets, &second));
  seal(&tickets, &third);
  CHECK_INT(1, unseal(&tickets, &third));
  wsuv__tickets_wipe(&tickets);
}

/* Who was not asked for long: what was sealed in the last lifetime counts, nothing older does. */
static void a_gap(void **state) {
  static const struct {
    uint64_t later;
    int expected;
  } gaps[] = {{100, 2}, {199, 2}, {200, 0}, {201, 0}, {5000, 0}};
  size_t i;
  (void)state;

  for (i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
    struct wsuv__tickets tickets;
    struct ticket t;
    wsuv__tickets_init(&tickets, LIFETIME);
    CHECK_INT(0, wsuv__tickets_rotate(&tickets, 7));
    seal(&tickets, &t);
    CHECK_INT(0, wsuv__tickets_rotate(&tickets, 7 + gaps[i].later));
    CHECK_INT(gaps[i].expected, unseal(&tickets, &t));
    CHECK_INT(0,
              wsuv__tickets_rotate(&tickets, 7 + gaps[i].later + 99)); /* a whole one from then */
    CHECK_INT(gaps[i].expected, unseal(&tickets, &t));
    wsuv__tickets_wipe(&tickets);
  }
}

static void nothing_of_a_key_is_left(void **state) {
  struct wsuv__tickets tickets;
  struct wsuv__tickets zeroes;
  (void)state;

  memset(&zeroes, 0, sizeof zeroes);
  wsuv__tickets_init(&tickets, LIFETIME);
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 0));
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 100));
  CHECK_INT(0, wsuv__tickets_rotate(&tickets, 1000)); /* the old one is wiped at once */
  CHECK_BYTES(&zeroes.keys[1], sizeof zeroes.keys[1], &tickets.keys[1], sizeof tickets.keys[1]);
  wsuv__tickets_wipe(&tickets);
  CHECK_BYTES(&zeroes, sizeof zeroes, &tickets, sizeof tickets);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_is_made_when_it_is_needed),
      cmocka_unit_test(a_key_is_good_for_two_lifetimes),
      cmocka_unit_test(a_gap),
      cmocka_unit_test(nothing_of_a_key_is_left),
  };
  return cmocka_run_group_tests_name("TLS tickets", tests, NULL, NULL);
}
