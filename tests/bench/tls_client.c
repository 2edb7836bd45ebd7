#include "tls_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void give_up(const char *what);

#ifdef WSUV_BENCH_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 << 10)

struct tls_client {
  SSL *ssl;
  int fd;
  size_t unsent; /* plaintext octets whose ciphertext the kernel has not got yet */
  size_t offset; /* of the ciphertext that it has */
};

static SSL_CTX *ctx;
static char server_name[256]; /* empty: an address */

static _Noreturn void give_up(const char *what) {
  (void)fprintf(stderr, "bench: %s\n", what);
  ERR_print_errors_fp(stderr);
  exit(EXIT_FAILURE);
}

void tls_client_begin(int version, const char *host) {
  int number = version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  ctx = SSL_CTX_new(TLS_client_method());
  if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, number) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, number) != 1) {
    give_up("no TLS");
  }
  (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* thousands of idle ones */
  (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  /* RFC 6066 3: no addresses */
  int is_address = strchr(host, ':') != NULL || strspn(host, "0123456789.") == strlen(host);
  (void)snprintf(server_name, sizeof server_name, "%s", is_address ? "" : host);
}

/* As much of the ciphertext as the kernel takes. 1: all of it; 0: errno is EAGAIN. */
static int flush(tls_client_t *tls) {
  BIO *out = SSL_get_wbio(tls->ssl);
  char *data = NULL;
  size_t len = (size_t)BIO_get_mem_data(out, &data);
  while (tls->offset < len) {
    ssize_t n = write(tls->fd, data + tls->offset, len - tls->offset);
    if (n < 0 && errno == EAGAIN) {
      return 0;
    }
    if (n < 0) {
      give_up("cannot write");
    }
    tls->offset += (size_t)n;
  }
  tls->offset = 0;
  (void)BIO_reset(out);
  return 1;
}

/* One read(2) into the SSL's input, and what it returns. */
static ssize_t fill(tls_client_t *tls) {
  static char buffer[READ_SIZE];
  ssize_t n = read(tls->fd, buffer, sizeof buffer);
  if (n > 0 && BIO_write(SSL_get_rbio(tls->ssl), buffer, (int)n) != (int)n) {
    give_up("no memory");
  }
  return n;
}

tls_client_t *tls_client_new(int fd) {
  tls_client_t *tls = calloc(1, sizeof *tls);
  BIO *in = BIO_new(BIO_s_mem());
  BIO *out = BIO_new(BIO_s_mem());
  int rc = 0;
  if (tls == NULL || in == NULL || out == NULL || (tls->ssl = SSL_new(ctx)) == NULL) {
    give_up("no memory");
    return NULL;
  }
  tls->fd = fd;
  SSL_set_bio(tls->ssl, in, out);
  if (server_name[0] != '\0') {
    (void)SSL_set_tlsext_host_name(tls->ssl, server_name);
  }
  while ((rc = SSL_connect(tls->ssl)) != 1) {
    if (SSL_get_error(tls->ssl, rc) != SSL_ERROR_WANT_READ || !flush(tls) || fill(tls) <= 0) {
      give_up("the TLS handshake failed");
    }
  }
  (void)flush(tls);
  return tls;
}

void tls_client_free(tls_client_t *tls) {
  SSL_free(tls->ssl);
  free(tls);
}

ssize_t tls_client_write(tls_client_t *tls, const void *data, size_t len) {
  if (tls->unsent == 0) {
    if (SSL_write(tls->ssl, data, (int)len) != (int)len) {
      give_up("cannot encrypt");
    }
    tls->unsent = len;
  }
  if (!flush(tls)) {
    return -1;
  }
  len = tls->unsent;
  tls->unsent = 0;
  return (ssize_t)len;
}

ssize_t tls_client_read(tls_client_t *tls, void *data, size_t size) {
  for (;;) {
    int n = SSL_read(tls->ssl, data, (int)size);
    if (n > 0) {
      return n;
    }
    switch (SSL_get_error(tls->ssl, n)) {
    case SSL_ERROR_WANT_READ:
      break;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      give_up("cannot decrypt");
    }
    ssize_t got = fill(tls);
    if (got <= 0) {
      return got;
    }
  }
}

#else

struct tls_client {
  int unused;
};

static _Noreturn void give_up(const char *what) {
  (void)fprintf(stderr, "bench: %s\n", what);
  exit(EXIT_FAILURE);
}

void tls_client_begin(int version, const char *host) {
  (void)version, (void)host;
  give_up("built without TLS");
}

tls_client_t *tls_client_new(int fd) {
  (void)fd;
  give_up("built without TLS");
}

void tls_client_free(tls_client_t *tls) {
  (void)tls;
}

ssize_t tls_client_write(tls_client_t *tls, const void *data, size_t len) {
  (void)tls, (void)data, (void)len;
  give_up("built without TLS");
}

ssize_t tls_client_read(tls_client_t *tls, void *data, size_t size) {
  (void)tls, (void)data, (void)size;
  give_up("built without TLS");
}

#endif
