#include <openssl/crypto.h>

#include "http/sha1.h"

/* Once for the process. NULL: there was no memory, or OpenSSL has come to its end. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha1;

static void free_sha1(void) {
  EVP_MD_free(sha1);
  sha1 = NULL;
}

static void fetch_sha1(void) {
  sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
  if (OPENSSL_atexit(free_sha1) != 1)
    free_sha1();
}

const EVP_MD *wsuv__sha1(void) {
  if (CRYPTO_THREAD_run_once(&once, fetch_sha1) == 1 && sha1 != NULL)
    return sha1;
  return EVP_sha1(); /* which is looked up in each use */
}
