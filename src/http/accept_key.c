#include "http/accept_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <limits.h>
#include <string.h>

#include "http/sha1.h"
#include "http/token.h"
#include "wsuv/handshake.h"

#define KEY_BYTES 16u

/* RFC 6455 1.3: any endpoint that knows this string knows the protocol. */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

int wsuv_random(void *arg, void *buf, size_t len) {
  uint8_t *at = buf;
  (void)arg;
  while (len > 0) {
    int step = len > INT_MAX ? INT_MAX : (int)len;
    if (RAND_bytes(at, step) != 1)
      return WSUV_ERANDOM;
    at += step;
    len -= (size_t)step;
  }
  return 0;
}

void wsuv__accept_key_base64(char *out, const void *data, size_t len) {
  EVP_EncodeBlock((unsigned char *)out, data, (int)len);
}

int wsuv__accept_key_generate(char key[WSUV__KEY_LEN + 1]) {
  uint8_t bytes[KEY_BYTES];
  int err = wsuv_random(NULL, bytes, sizeof bytes);
  if (err != 0)
    return err;
  wsuv__accept_key_base64(key, bytes, sizeof bytes);
  return 0;
}

static int is_base64_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

int wsuv__accept_key_is_valid(const char *key, size_t len) {
  size_t i;
  if (len != WSUV__KEY_LEN || key[22] != '=' || key[23] != '=')
    return 0;
  for (i = 0; i < 22; i++)
    if (!is_base64_char(key[i]))
      return 0;
  return 1;
}

static int hash_key(struct wsuv__text key, unsigned char digest[EVP_MAX_MD_SIZE]) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  unsigned len = 0;
  int ok = ctx != NULL && EVP_DigestInit_ex(ctx, wsuv__sha1(), NULL) == 1 &&
           EVP_DigestUpdate(ctx, key.data, key.len) == 1 &&
           EVP_DigestUpdate(ctx, guid, sizeof guid - 1) == 1 &&
           EVP_DigestFinal_ex(ctx, digest, &len) == 1;
  EVP_MD_CTX_free(ctx);
  return ok ? 0 : WSUV_ENOMEM;
}

int wsuv_handshake_accept_key(const char *key, size_t key_len, char accept[29]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  struct wsuv__text trimmed;
  int err;

  if (key == NULL || accept == NULL)
    return WSUV_EINVAL;
  trimmed = wsuv__token_trim(key, key_len);
  if (trimmed.len == 0)
    return WSUV_EINVAL;
  err = hash_key(trimmed, digest);
  if (err != 0)
    return err;
  wsuv__accept_key_base64(accept, digest, 20);
  return 0;
}
