#include "cat/tls.h"

#include <stdio.h>
#include <stdlib.h>

/* A build without TLS says so to everybody, one with it finds that nothing was given. */
int tls_is_available(void) {
  wsuv_tls_context_t *none;
  return wsuv_tls_context_from_ssl_ctx(&none, WSUV_CLIENT, NULL) != WSUV_ENOTLS;
}

static const char *keylog_file(void) {
  const char *file = getenv("SSLKEYLOGFILE");
  return file != NULL && file[0] != '\0' ? file : NULL;
}

int tls_prepare(cat_options_t *options, char *why, size_t why_size) {
  const cat_tls_t *tls = &options->tls;
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t o = WSUV_TLS_OPTIONS_INIT;
  why[0] = '\0';
  if (tls->cert_file != NULL) {
    identity.cert_file = tls->cert_file;
    identity.key_file = tls->key_file;
    o.identities = &identity;
    o.nidentities = 1;
  }
  o.ca_file = tls->ca_file;
  o.npins = tls->pins.nitems;
  o.pins = o.npins > 0 ? tls->pins.items : NULL;
  o.keylog_file = keylog_file();
  o.dangerously_skip_verification = tls->insecure;
  int err = wsuv_tls_context_new(&options->connect.tls, WSUV_CLIENT, &o, why, why_size);
  if (err == 0 && tls->insecure)
    fputs("WARNING: the certificate is not checked; anybody in between can read and change all\n",
          stderr);
  return err;
}

void tls_describe(const wsuv_conn_t *conn, char *out, size_t size) {
  wsuv_tls_info_t info;
  char subject[256];
  out[0] = '\0';
  if (wsuv_conn_tls(conn, &info) != 0)
    return;
  if (wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject) != 0)
    snprintf(subject, sizeof subject, "no name");
  snprintf(out, size, "%s, %s, server %s (%s)", info.version, info.cipher, subject,
           info.peer_verified ? "verified" : "NOT verified");
}
