#include "integration/tls_loopback.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wsuv/adopt.h>

#include "base/list.h"
#include "io/tls_context.h"
#include "io/tls_setup.h"

#if defined(_WIN32)
#define PIPE_NAME "\\\\.\\pipe\\wsuv-tls"
#else
#define PIPE_NAME "/tmp/wsuv-tls"
#endif

/* ---- parties ---- */

static const char *path_of(char *out, size_t size, const char *name, const char *ending) {
  CHECK_TRUE((size_t)snprintf(out, size, "%s/%s%s", WSUV_TEST_CERTS, name, ending) < size);
  return out;
}

void party_init(struct tls_party *party, const char *cert, const char *ca) {
  static const wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  static const wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;

  party->options = options;
  party->identity = identity;
  if (ca != NULL)
    party->options.ca_file = path_of(party->ca, sizeof party->ca, ca, ".pem");
  if (cert == NULL)
    return;
  party->identity.cert_file = path_of(party->cert, sizeof party->cert, cert, ".pem");
  party->identity.key_file = path_of(party->key, sizeof party->key, cert, ".key");
  party->options.identities = &party->identity;
  party->options.nidentities = 1;
}

void party_set_crl(struct tls_party *party, const char *crl) {
  party->options.crl_file = path_of(party->crl, sizeof party->crl, crl, ".pem");
}

void party_ask(struct tls_party *party, wsuv_tls_client_auth_t auth, const char *ca) {
  party->options.client_auth = auth;
  party->options.ca_file = path_of(party->ca, sizeof party->ca, ca, ".pem");
}

static void expect_success(int err, const char *why) {
  if (err != 0)
    print_error("TLS context: %s\n", why);
  CHECK_ERR(0, err);
}

wsuv_tls_context_t *party_context(struct tls_party *party, struct loopback *lb, wsuv_role_t role) {
  wsuv_tls_context_t *context;
  char why[256];

  if (lb != NULL)
    party->options.allocator = &lb->fa.allocator;
  expect_success(wsuv_tls_context_new(&context, role, &party->options, why, sizeof why), why);
  CHECK_STR("", why);
  return context;
}

void party_reload(struct tls_party *party, wsuv_tls_context_t *context) {
  char why[256];

  expect_success(wsuv_tls_context_reload(context, &party->options, why, sizeof why), why);
}

void tls_limit(wsuv_tls_context_t *context, int version) {
  struct wsuv__tls_setup *setup = wsuv__tls_context_setup(context);
  size_t i;

  for (i = 0; i < setup->nctxs; i++)
    CHECK_INT(1, SSL_CTX_set_max_proto_version(setup->ctxs[i], version));
  wsuv__tls_setup_unref(setup);
}

char *read_file(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  char *text = malloc(100000);

  CHECK_NOT_NULL(file);
  CHECK_NOT_NULL(text);
  *len = fread(text, 1, 99999, file);
  CHECK_TRUE(feof(file));
  text[*len] = '\0';
  (void)fclose(file);
  return text;
}

/* ---- the host ---- */

static struct tls_host *host_of(wsuv_server_t *server) {
  struct tls_host *host = WSUV__LIST_ENTRY(wsuv_server_data(server), struct tls_host, host);

  CHECK_INT(0, host->host.lb->in_call);
  return host;
}

static void note_text(char *out, size_t size, const char *text) {
  (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static void note_request(struct tls_host *host, const wsuv_upgrade_t *upgrade) {
  wsuv_tls_info_t info;

  CHECK_ERR(0, CALL(host->host.lb, wsuv_upgrade_tls(upgrade, &info)));
  note_text(host->version, sizeof host->version, info.version);
  note_text(host->cipher, sizeof host->cipher, info.cipher);
  note_text(host->alpn, sizeof host->alpn, info.alpn);
  note_text(host->server_name, sizeof host->server_name, info.server_name);
  host->resumed = info.resumed;
  host->peer_verified = info.peer_verified;
  host->subject[0] = '\0';
  host->subject_err =
      CALL(host->host.lb, wsuv_upgrade_tls_peer(upgrade, WSUV_TLS_PEER_SUBJECT, host->subject,
                                                sizeof host->subject));
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  struct tls_host *host = host_of(server);

  host->nupgrades++;
  note_request(host, upgrade);
  if (host->host.on_upgrade != NULL)
    host->host.on_upgrade(&host->host, upgrade);
  else if (CALL(host->host.lb, wsuv_upgrade_accept(upgrade, NULL)) == WSUV_ENOMEM)
    host->host.upgrade = upgrade; /* it still waits for its answer */
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  struct tls_host *host = host_of(server);

  if (host->host.on_request != NULL)
    host->host.on_request(&host->host, request);
  else
    (void)CALL(host->host.lb, wsuv_upgrade_reject(request, 200, NULL, 0, "page", 4));
}

static void on_close(wsuv_server_t *server) {
  struct host *host = &host_of(server)->host;

  CHECK_SIZE(0, wsuv_server_nconns(server));
  host->nclosed++;
  if (host->on_closed != NULL)
    host->on_closed(host);
  host->server = NULL;
}

static void on_tls_failed(wsuv_server_t *server, const wsuv_tls_failure_t *failure) {
  struct tls_host *host = host_of(server);

  host->nfailed++;
  host->error = failure->error;
  CHECK_TRUE(failure->detail[0] != '\0');
  CHECK_NULL(strchr(failure->detail, '\n'));
  note_text(host->detail, sizeof host->detail, failure->detail);
  note_text(host->peer, sizeof host->peer, failure->peer);
  if (host->on_failed != NULL)
    host->on_failed(host);
}

static const wsuv_server_handler_t handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &talker_handler,
    .on_upgrade = on_upgrade,
    .on_request = on_request,
    .on_close = on_close,
    .on_tls_failed = on_tls_failed,
};

void tls_host_init(struct tls_host *host, struct loopback *lb) {
  memset(host, 0, sizeof *host);
  host_init(&host->host, lb);
  host->host.on_event = talker_echo;
}

int tls_host_listen(struct tls_host *host, const wsuv_server_options_t *options) {
  struct host *h = &host->host;

  if (CALL(h->lb, wsuv_server_listen(h->lb->loop, &h->server, options, &handler, h)) == 0)
    h->port = wsuv_server_port(h->server);
  else
    CHECK_NULL(h->server);
  return h->lb->result;
}

int tls_host_create(struct tls_host *host, const wsuv_server_options_t *options) {
  struct host *h = &host->host;

  return CALL(h->lb, wsuv_server_new(h->lb->loop, &h->server, options, &handler, h));
}

/* ---- the rig ---- */

void rig_open(struct tls_rig *rig) {
  static const wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  static const wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  tls_host_init(&rig->host, &rig->lb);
  party_init(&rig->server_side, "server", NULL);
  party_init(&rig->client_side, NULL, "ca");
  rig->options = options;
  rig->to = to;
  rig->to.tls_name = "localhost";
}

void rig_use_path(struct tls_rig *rig) {
  (void)snprintf(rig->path, sizeof rig->path, PIPE_NAME "-%d", (int)uv_os_getpid());
  rig->options.path = rig->to.path = rig->path;
  rig->to.url = "wss://localhost/";
}

void rig_make_contexts(struct tls_rig *rig) {
  rig->server_tls = party_context(&rig->server_side, &rig->lb, WSUV_SERVER);
  rig->client_tls = party_context(&rig->client_side, &rig->lb, WSUV_CLIENT);
}

void rig_listen(struct tls_rig *rig) {
  if (rig->server_tls == NULL)
    rig_make_contexts(rig);
  rig->options.tls = rig->server_tls;
  CHECK_ERR(0, tls_host_listen(&rig->host, &rig->options));
}

int rig_connect_as(struct tls_rig *rig, struct talker *client) {
  wsuv_connect_options_t to = rig->to;

  (void)snprintf(rig->url, sizeof rig->url, "wss://127.0.0.1:%d/", rig->host.host.port);
  if (to.url == NULL)
    to.url = rig->url;
  if (to.tls == NULL)
    to.tls = rig->client_tls;
  talker_init(client, &rig->lb);
  return talker_connect(client, &rig->host.host, &to);
}

void rig_connect(struct tls_rig *rig) {
  size_t before = rig->host.host.ntalkers;

  CHECK_ERR(0, rig_connect_as(rig, &rig->client));
  RUN_UNTIL(&rig->lb, rig->client.n[EV_CLOSE] == 1 ||
                          (rig->client.n[EV_OPEN] == 1 && rig->host.host.ntalkers == before + 1));
  if (rig->client.n[EV_CLOSE] == 1)
    print_error("the client: %s\n", rig->client.end.detail);
  CHECK_SIZE(1, rig->client.n[EV_OPEN]);
}

/* covers: W181 */
void rig_refused(struct tls_rig *rig, int error) {
  struct talker *client = &rig->client;

  CHECK_ERR(0, rig_connect_as(rig, client));
  RUN_UNTIL(&rig->lb, client->n[EV_CLOSE] == 1);
  CHECK_SIZE(0, client->n[EV_OPEN]);
  CHECK_ERR(error, client->end.error);
  CHECK_INT(1015, client->end.code);
  CHECK_INT(0, client->end.clean);
  CHECK_INT(0, client->end.sent_code);
  CHECK_INT(0, client->end.http_status);
}

/* The server's connection that was hung up on last. */
static const struct talker *find_ended(const struct host *host, size_t *nended) {
  const struct talker *found = NULL;
  size_t i;

  *nended = 0;
  for (i = 0; i < host->ntalkers; i++) {
    if (host->talkers[i]->n[EV_CLOSE] == 0 || host->talkers[i]->end.code != 4001)
      continue;
    found = host->talkers[i];
    ++*nended;
  }
  return found;
}

void rig_hang_up(struct tls_rig *rig, struct talker *client) {
  const struct talker *server;
  size_t before;
  size_t after = 0;

  (void)find_ended(&rig->host.host, &before);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_close(client->conn, 4001, "bye")));
  RUN_UNTIL(&rig->lb, client->n[EV_CLOSE] == 1);
  CHECK_ERR(0, client->end.error);
  CHECK_INT(1, client->end.clean);
  CHECK_INT(4001, client->end.code);
  RUN_UNTIL(&rig->lb, (server = find_ended(&rig->host.host, &after)) != NULL && after > before);
  CHECK_ERR(0, server->end.error);
  CHECK_INT(1, server->end.clean);
  CHECK_STR("bye", server->end.reason);
}

void rig_close(struct tls_rig *rig) {
  wsuv_tls_context_release(rig->server_tls);
  wsuv_tls_context_release(rig->client_tls);
  loopback_close(&rig->lb);
}
