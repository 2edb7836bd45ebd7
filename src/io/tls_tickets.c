#include "io/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "wsuv/errno.h"

void wsuv__tickets_init(struct wsuv__tickets *tickets, uint64_t lifetime_s) {
  memset(tickets, 0, sizeof *tickets);
  tickets->lifetime_s = lifetime_s;
}

void wsuv__tickets_wipe(struct wsuv__tickets *tickets) {
  OPENSSL_cleanse(tickets, sizeof *tickets);
}

/* A key that nothing was sealed with for a whole lifetime opens nothing that is still good. */
int wsuv__tickets_rotate(struct wsuv__tickets *tickets, uint64_t now_s) {
  struct wsuv__ticket_key key;

  if (tickets->nkeys > 0 && now_s < tickets->next_s)
    return 0;
  if (RAND_bytes(key.name, sizeof key.name) != 1 ||
      RAND_priv_bytes(key.cipher, sizeof key.cipher) != 1 ||
      RAND_priv_bytes(key.mac, sizeof key.mac) != 1)
    return WSUV_ERANDOM;
  if (tickets->nkeys > 0 && now_s - tickets->next_s < tickets->lifetime_s) {
    tickets->keys[1] = tickets->keys[0];
    tickets->nkeys = 2;
  } else {
    OPENSSL_cleanse(&tickets->keys[1], sizeof tickets->keys[1]);
    tickets->nkeys = 1;
  }
  tickets->keys[0] = key;
  tickets->next_s = now_s + tickets->lifetime_s;
  OPENSSL_cleanse(&key, sizeof key);
  return 0;
}

static int set_mac(const struct wsuv__ticket_key *key, EVP_MAC_CTX *mac) {
  unsigned char copy[sizeof key->mac];
  char digest[] = "SHA256";
  OSSL_PARAM params[3];
  int ok;

  memcpy(copy, key->mac, sizeof copy);
  params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy, sizeof copy);
  params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
  params[2] = OSSL_PARAM_construct_end();
  ok = EVP_MAC_CTX_set_params(mac, params);
  OPENSSL_cleanse(copy, sizeof copy);
  return ok;
}

int wsuv__tickets_seal(const struct wsuv__tickets *tickets, unsigned char *name, unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
  const struct wsuv__ticket_key *key = &tickets->keys[0];

  memcpy(name, key->name, sizeof key->name);
  if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) != 1 ||
      set_mac(key, mac) != 1)
    return -1;
  return 1;
}

int wsuv__tickets_open(const struct wsuv__tickets *tickets, const unsigned char *name,
                       const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
  unsigned i;

  for (i = 0; i < tickets->nkeys; i++) {
    const struct wsuv__ticket_key *key = &tickets->keys[i];
    if (memcmp(name, key->name, sizeof key->name) != 0)
      continue;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) != 1 ||
        set_mac(key, mac) != 1)
      return -1;
    return i == 0 ? 1 : 2;
  }
  return 0;
}
