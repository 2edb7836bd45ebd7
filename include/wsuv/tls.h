/* TLS (RFC 8446, RFC 5246) for wss:// servers and clients: a context says what a peer is shown and what is demanded of it.
 *
 * What is so without any option: TLS 1.2 or later, AEAD ciphers with forward secrecy, no compression, no renegotiation, no
 * early data. A client verifies the server's certificate against the system's authorities and its subjectAltName against
 * the host it asked for (RFC 9525; the common name is never looked at). ALPN is http/1.1.
 *
 * A server:    wsuv_tls_context_new(&tls, WSUV_SERVER, &options, why, sizeof why); server_options.tls = tls;
 * A client:    nothing at all for wss://, or connect_options.tls = tls for authorities, certificates or pins of its own.
 *
 * Errors of a handshake, as wsuv_close_info_t.error with one line in its detail: WSUV_ECERTEXPIRED, _ECERTEARLY, _ECERTHOST,
 * _ECERTAUTHORITY, _ECERTREVOKED, _ECERTPIN, _ECERTIFICATE (any other fault of it), _ECERTREFUSED (the peer refuses ours),
 * _ENOCERT, _ETLSVERSION, _ENOTTLS and _ETLS. A server hears of them by wsuv_server_handler_t.on_tls_failed. What is known of
 * a connection's TLS is asked for by wsuv/tls_info.h.
 *
 * Threads: a context may be used by any number of loops, on any threads, at once; the functions here may be called on any
 * thread. They read files and, without WSUV_WITH_TLS in the build, return WSUV_ENOTLS.
 */
#ifndef WSUV_TLS_H
#define WSUV_TLS_H

#include "wsuv/errno.h"
#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_tls_context wsuv_tls_context_t;

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* A certificate with its key. Each part comes from a file or from memory, not from both; nothing is kept of the memory. */
typedef struct wsuv_tls_identity {
  size_t size;           /* sizeof(wsuv_tls_identity_t) */
  const char *cert_file; /* PEM: the certificate, then its intermediates */
  const void *cert;
  size_t cert_len;
  const char
      *key_file; /* PEM: the private key; where none is given, it is among the certificates */
  const void *key;
  size_t key_len;
  /* Of an encrypted key: writes at most `size` octets and returns how many; negative: there is none. Called inside of new and
   * reload. NULL: an encrypted key is WSUV_EPASSWORD. */
  int (*password)(void *arg, char *out, size_t size);
  void *password_arg;
  const char
      *ocsp_file; /* DER: an OCSP response that is stapled for clients that ask (RFC 6066 8) */
  const void *ocsp;
  size_t ocsp_len;
} wsuv_tls_identity_t;

#define WSUV_TLS_IDENTITY_INIT \
  { sizeof(wsuv_tls_identity_t), NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0 }

/* Whether a server asks clients for certificates (mutual TLS). */
typedef enum wsuv_tls_client_auth {
  WSUV_TLS_CLIENT_NONE,     /* not asked for */
  WSUV_TLS_CLIENT_OPTIONAL, /* one that is sent must be good */
  WSUV_TLS_CLIENT_REQUIRED  /* no handshake without one */
} wsuv_tls_client_auth_t;

typedef enum wsuv_tls_version {
  WSUV_TLS_DEFAULT, /* 1.2 */
  WSUV_TLS_1_2 = 12,
  WSUV_TLS_1_3 = 13
} wsuv_tls_version_t;

/* 0 or NULL means the default in brackets. */
typedef struct wsuv_tls_options {
  size_t size;                       /* sizeof(wsuv_tls_options_t) */
  const wsuv_allocator_t *allocator; /* copied [malloc]; OpenSSL's own memory is OpenSSL's */

  /* A server's: at least one. The client's server_name (RFC 6066 3) chooses the first whose subjectAltName has it; where none
   * does, or none was sent, the first of all is shown. A client's: none, or the one it shows if it is asked to. */
  const wsuv_tls_identity_t *identities;
  size_t nidentities;

  /* Authorities that the peer's certificate must come from, PEM [client: the system's]. An intermediate is as good as a
   * root. */
  const char *ca_file;
  const void *ca;
  size_t ca_len;
  int system_ca; /* non-zero: the system's authorities beside these */

  /* Revocation lists, PEM: they must cover every authority that issues a peer's certificate [none is looked at]. */
  const char *crl_file;
  const void *crl;
  size_t crl_len;

  /* The peer's public key must be one of these, besides all else: "sha256//" and the base64 of the SHA-256 of its
   * SubjectPublicKeyInfo, as RFC 7469 2.4 has it [any]. */
  const char *const *pins;
  size_t npins;

  wsuv_tls_client_auth_t client_auth; /* server [WSUV_TLS_CLIENT_NONE]; needs authorities */
  wsuv_tls_version_t min_version;     /* [WSUV_TLS_1_2] */

  /* Resumption. A server's tickets are good for so many seconds, under keys of its own that change as often; a client's context
   * remembers the sessions of 64 hosts. [7200]; WSUV_OFF: every handshake is a full one. At most 604800 (RFC 8446 4.6.1). */
  int64_t session_lifetime_s;

  /* Appends the secrets of every connection to this file, for Wireshark: whoever has it reads everything. Programs give it the
   * value of the environment's SSLKEYLOGFILE; the library does not look there [NULL]. */
  const char *keylog_file;

  /* Non-zero: a client takes any certificate of any host (but not another than the pins, where there are any), so that anybody
   * in between can read and change everything. For tests. WSUV_EINVAL on a server. */
  int dangerously_skip_verification;
} wsuv_tls_options_t;

#define WSUV_TLS_OPTIONS_INIT                                                            \
  {                                                                                      \
    sizeof(wsuv_tls_options_t), NULL, NULL, 0, NULL, NULL, 0, 0, NULL, NULL, 0, NULL, 0, \
        WSUV_TLS_CLIENT_NONE, WSUV_TLS_DEFAULT, 0, NULL, 0                               \
  }

/* Everything is read and checked here. `options` may be NULL for a client. `why` (may be NULL) gets one line that names the
 * file and what is wrong with it, NUL-terminated and cut to `why_size`; 160 octets are plenty. WSUV_EINVAL (options), an error
 * of libuv such as UV_ENOENT (a file), WSUV_EPEM (not what it should be, or damaged), WSUV_EPASSWORD (encrypted key),
 * WSUV_EKEYMISMATCH (key of another certificate), WSUV_ENOMEM, WSUV_ERANDOM, WSUV_ETLS (OpenSSL refuses it: a key that is too
 * weak, for example), WSUV_ENOTLS; then *out is NULL. */
WSUV_EXTERN int wsuv_tls_context_new(wsuv_tls_context_t **out, wsuv_role_t role,
                                     const wsuv_tls_options_t *options, char *why, size_t why_size);

/* The hot reload: reads and checks everything anew, `options` being all of them, and from then on new handshakes use it. Open
 * connections, and handshakes under way, are not touched; sessions from before are not resumed. The role and the allocator
 * stay. After an error all is as before, so that the old certificate goes on serving; errors as new, and WSUV_ESTATE for a
 * context of an SSL_CTX. */
WSUV_EXTERN int wsuv_tls_context_reload(wsuv_tls_context_t *context,
                                        const wsuv_tls_options_t *options, char *why,
                                        size_t why_size);

/* A context of an SSL_CTX of the application's own, which is used as it is: verification, certificates, ALPN, versions and
 * sessions are what the application has set; only a client's server_name and host are added, for each connection. A reference
 * to it is kept. WSUV_EINVAL, WSUV_ENOMEM, WSUV_ENOTLS. */
WSUV_EXTERN int wsuv_tls_context_from_ssl_ctx(wsuv_tls_context_t **out, wsuv_role_t role,
                                              struct ssl_ctx_st *ssl_ctx);

/* Its reload: new handshakes use this one. WSUV_ESTATE for a context of options, WSUV_EINVAL, WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_tls_context_set_ssl_ctx(wsuv_tls_context_t *context,
                                             struct ssl_ctx_st *ssl_ctx);

/* The application is done with it; NULL is fine. Servers and connections that use it keep it as long as they need. */
WSUV_EXTERN void wsuv_tls_context_release(wsuv_tls_context_t *context);

/* What is known of a connection's TLS (wsuv/tls_info.h). Pointers live as long as the connection. */
typedef struct wsuv_tls_info {
  const char *version;     /* "TLSv1.3" */
  const char *cipher;      /* "TLS_AES_256_GCM_SHA384" */
  const char *alpn;        /* "http/1.1", or NULL where none was agreed on */
  const char *server_name; /* as the client sent it (RFC 6066 3), or NULL */
  int resumed;             /* non-zero: a session was resumed */
  int peer_verified; /* non-zero: the peer has a certificate, and it was verified (by a client: for the host, too) */
} wsuv_tls_info_t;

/* Facts of the peer's certificate, as text. */
typedef enum wsuv_tls_peer_fact {
  WSUV_TLS_PEER_SUBJECT,     /* "CN=alice,O=Example" (RFC 4514) */
  WSUV_TLS_PEER_ISSUER,      /* likewise */
  WSUV_TLS_PEER_SERIAL,      /* hexadecimal */
  WSUV_TLS_PEER_FINGERPRINT, /* SHA-256 of the certificate, 64 hexadecimal digits */
  WSUV_TLS_PEER_PIN,         /* of its public key, "sha256//...", as in wsuv_tls_options_t.pins */
  /* "DNS:a.example, URI:spiffe://a.example/b"; "" without any. In a name a comma, quote or backslash has a backslash before it,
   * and what is not printable ASCII is a backslash and two hexadecimal digits. */
  WSUV_TLS_PEER_ALT_NAMES
} wsuv_tls_peer_fact_t;

#ifdef __cplusplus
}
#endif

#endif
