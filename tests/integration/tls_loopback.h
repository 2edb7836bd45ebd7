/* The fixture's TLS: parties made of the certificates in WSUV_TEST_CERTS, a host that notes what TLS told it, and a rig of
 * one host and one client. */
#ifndef WSUV_TESTS_TLS_LOOPBACK_H
#define WSUV_TESTS_TLS_LOOPBACK_H

#include <wsuv/tls_info.h>

#include "integration/loopback.h"

#define CERTS(name) WSUV_TEST_CERTS "/" name

/* The options of a context, and room for what they point to. */
struct tls_party {
  wsuv_tls_options_t options;
  wsuv_tls_identity_t identity;
  char cert[512];
  char key[512];
  char ca[512];
  char crl[512];
};

/* Names of files without folder and ending; NULL: none. What else is wanted goes into the options. */
void party_init(struct tls_party *party, const char *cert, const char *ca);
void party_set_crl(struct tls_party *party, const char *crl);

/* For a server's party: asks for certificates, which have to come from `ca`. */
void party_ask(struct tls_party *party, wsuv_tls_client_auth_t auth, const char *ca);

/* Must succeed; its memory is the fixture's, or with NULL malloc's (for several threads). */
wsuv_tls_context_t *party_context(struct tls_party *party, struct loopback *lb, wsuv_role_t role);
void party_reload(struct tls_party *party, wsuv_tls_context_t *context);

/* No later version than this (TLS1_2_VERSION), which options cannot say. Until the next reload. */
void tls_limit(wsuv_tls_context_t *context, int version);

/* A file of WSUV_TEST_CERTS, or any other; freed by the caller. */
char *read_file(const char *path, size_t *len);

struct tls_host {
  struct host host; /* first */
  unsigned nupgrades;
  /* of the last request, as wsuv_upgrade_tls has it */
  char version[16];
  char cipher[64];
  char alpn[16];         /* "" for none */
  char server_name[256]; /* likewise */
  int resumed;
  int peer_verified;
  int subject_err; /* of wsuv_upgrade_tls_peer, and what it wrote */
  char subject[128];
  /* of on_tls_failed */
  unsigned nfailed;
  int error;
  char detail[256];
  char peer[64];
  void (*on_failed)(struct tls_host *host);
};

/* host_init, with an echo. */
void tls_host_init(struct tls_host *host, struct loopback *lb);
int tls_host_listen(struct tls_host *host, const wsuv_server_options_t *options);
int tls_host_create(struct tls_host *host, const wsuv_server_options_t *options);

struct tls_rig {
  struct loopback lb; /* first */
  struct tls_host host;
  struct talker client;
  struct tls_party server_side;
  struct tls_party client_side;
  wsuv_tls_context_t *server_tls;
  wsuv_tls_context_t *client_tls;
  wsuv_server_options_t options;
  wsuv_connect_options_t to;
  char url[64];
  char path[100];
};

/* The parties are "server" and one that trusts "ca" and asks for "localhost"; to be changed before listen. */
void rig_open(struct tls_rig *rig);
void rig_listen(struct tls_rig *rig);

/* A pipe instead of TCP, for wss://localhost/; before listen. */
void rig_use_path(struct tls_rig *rig);

/* The contexts alone. */
void rig_make_contexts(struct tls_rig *rig);

/* wss:// to the host, on 127.0.0.1; `to` as the rig has it. */
int rig_connect_as(struct tls_rig *rig, struct talker *client);

/* The client, to its on_open, on both sides. */
void rig_connect(struct tls_rig *rig);

/* The client, to its on_close: refused in the TLS handshake. */
void rig_refused(struct tls_rig *rig, int error);

/* The closing handshake, begun by the client; both sides are clean. */
void rig_hang_up(struct tls_rig *rig, struct talker *client);

void rig_close(struct tls_rig *rig);

#endif
