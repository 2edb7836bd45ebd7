/* What a TLS context is made of: certificates from memory, damaged and weak ones, an SSL_CTX of the application's; where it may
 * be used, and how long it lives. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

struct texts {
  char *cert;
  char *key;
  char *ca;
  char *crl;
  size_t cert_len;
  size_t key_len;
  size_t ca_len;
  size_t crl_len;
};

static void read_texts(struct texts *texts) {
  texts->cert = read_file(CERTS("server.pem"), &texts->cert_len);
  texts->key = read_file(CERTS("server.key"), &texts->key_len);
  texts->ca = read_file(CERTS("ca.pem"), &texts->ca_len);
  texts->crl = read_file(CERTS("crl.pem"), &texts->crl_len);
}

/* What was kept of it would be seen by a sanitizer. */
static void free_texts(struct texts *texts) {
  free(texts->cert);
  free(texts->key);
  free(texts->ca);
  free(texts->crl);
}

static void use_texts(struct tls_party *party, const struct texts *texts) {
  party->identity.cert_file = party->identity.key_file = NULL;
  party->identity.cert = texts->cert;
  party->identity.cert_len = texts->cert_len;
  party->identity.key = texts->key;
  party->identity.key_len = texts->key_len;
}

static void test_from_memory(void **state) {
  struct tls_rig rig;
  struct texts texts;
  (void)state;

  rig_open(&rig);
  read_texts(&texts);
  use_texts(&rig.server_side, &texts);
  rig.client_side.options.ca_file = NULL;
  rig.client_side.options.ca = texts.ca;
  rig.client_side.options.ca_len = texts.ca_len;
  rig.client_side.options.crl = texts.crl;
  rig.client_side.options.crl_len = texts.crl_len;
  rig_make_contexts(&rig);
  free_texts(&texts);
  rig_listen(&rig);
  rig_connect(&rig);
  rig_close(&rig);
}

/* Certificate and key in one text, in either order. */
static void test_key_among_certificates(void **state) {
  struct texts texts;
  struct tls_party party;
  char *both;
  (void)state;

  read_texts(&texts);
  party_init(&party, "server", NULL);
  use_texts(&party, &texts);
  both = malloc(texts.cert_len + texts.key_len);
  CHECK_NOT_NULL(both);
  memcpy(both, texts.cert, texts.cert_len);
  memcpy(both + texts.cert_len, texts.key, texts.key_len);
  party.identity.cert = both;
  party.identity.cert_len = texts.cert_len + texts.key_len;
  party.identity.key = NULL;
  party.identity.key_len = 0;
  wsuv_tls_context_release(party_context(&party, NULL, WSUV_SERVER));
  memcpy(both, texts.key, texts.key_len);
  memcpy(both + texts.key_len, texts.cert, texts.cert_len);
  wsuv_tls_context_release(party_context(&party, NULL, WSUV_SERVER));
  free(both);
  free_texts(&texts);
}

static void refuse(struct tls_party *party, wsuv_role_t role, int error) {
  wsuv_tls_context_t *context;
  char why[256];

  CHECK_ERR(error, wsuv_tls_context_new(&context, role, &party->options, why, sizeof why));
  CHECK_NULL(context);
  CHECK_TRUE(why[0] != '\0');
  CHECK_SIZE(0, ERR_peek_error());
}

/* In the middle of the base64, and cut off. */
static void test_damaged(void **state) {
  struct texts texts;
  struct tls_party party;
  (void)state;

  read_texts(&texts);
  party_init(&party, "server", NULL);
  use_texts(&party, &texts);
  texts.cert[200] = '!';
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  texts.cert[200] = 'A';
  party.identity.cert_len = texts.cert_len / 2;
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  free_texts(&texts);
  read_texts(&texts);
  use_texts(&party, &texts);
  texts.key[60] = '!';
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  party.identity.key = " ";
  party.identity.key_len = 1;
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  party_init(&party, NULL, NULL);
  texts.ca[200] = '!';
  party.options.ca = texts.ca;
  party.options.ca_len = texts.ca_len;
  refuse(&party, WSUV_CLIENT, WSUV_EPEM);
  texts.crl[100] = '!';
  party_init(&party, NULL, "ca");
  party.options.crl = texts.crl;
  party.options.crl_len = texts.crl_len;
  refuse(&party, WSUV_CLIENT, WSUV_EPEM);
  free_texts(&texts);
}

/* A whole certificate with a broken one behind it. */
static void test_damaged_chain(void **state) {
  struct tls_party party;
  size_t len;
  char *text = read_file(CERTS("chain.pem"), &len);
  (void)state;

  party_init(&party, "chain", NULL);
  party.identity.cert_file = NULL;
  party.identity.cert = text;
  party.identity.cert_len = len - 60;
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  free(text);
}

static void test_empty_file(void **state) {
  char path[] = "/tmp/wsuv-empty-XXXXXX";
  struct tls_party party;
  uv_fs_t req;
  char name[100];
  int fd = uv_fs_mkstemp(NULL, &req, path, NULL);
  (void)state;

  CHECK_TRUE(fd >= 0);
  (void)snprintf(name, sizeof name, "%s", req.path);
  uv_fs_req_cleanup(&req);
  (void)uv_fs_close(NULL, &req, fd, NULL);
  party_init(&party, "server", NULL);
  party.identity.cert_file = name;
  refuse(&party, WSUV_SERVER, WSUV_EPEM);
  party_init(&party, NULL, NULL);
  party.options.ca_file = name;
  refuse(&party, WSUV_CLIENT, WSUV_EPEM);
  (void)uv_fs_unlink(NULL, &req, name, NULL);
}

/* RSA of 1024 bits (security level 2 demands 2048). */
static void write_weak(BIO *bio) {
  EVP_PKEY *key = EVP_RSA_gen(1024);
  X509 *cert = X509_new();

  CHECK_NOT_NULL(key);
  CHECK_NOT_NULL(cert);
  CHECK_INT(1, X509_set_pubkey(cert, key));
  CHECK_NOT_NULL(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
  CHECK_NOT_NULL(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
  CHECK_TRUE(X509_sign(cert, key, EVP_sha256()) > 0);
  CHECK_INT(1, PEM_write_bio_X509(bio, cert));
  CHECK_INT(1, PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
  X509_free(cert);
  EVP_PKEY_free(key);
}

static void test_weak_key(void **state) {
  struct tls_party party;
  BIO *bio = BIO_new(BIO_s_mem());
  char *text;
  (void)state;

  write_weak(bio);
  party_init(&party, "server", NULL);
  party.identity.cert_file = party.identity.key_file = NULL;
  party.identity.cert_len = (size_t)BIO_get_mem_data(bio, &text);
  party.identity.cert = text;
  refuse(&party, WSUV_SERVER, WSUV_ETLS);
  BIO_free(bio);
}

/* ---- where they may be used ---- */

static void test_wrong_role(void **state) {
  struct tls_rig rig;
  struct host host;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  (void)state;

  rig_open(&rig);
  rig_make_contexts(&rig);
  options.tls = rig.client_tls;
  host_init(&host, &rig.lb);
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &options));
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  rig_listen(&rig);
  rig.to.tls = rig.server_tls;
  CHECK_ERR(WSUV_EINVAL, rig_connect_as(&rig, &rig.client));
  rig_close(&rig);
}

/* Whoever uses a context keeps it. */
static void test_released_in_use(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  wsuv_tls_context_release(rig.server_tls);
  wsuv_tls_context_release(rig.client_tls);
  rig.server_tls = rig.client_tls = NULL;
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  rig_hang_up(&rig, &rig.client);
  rig_close(&rig);
}

/* ---- an SSL_CTX ---- */

static void trust_ca(SSL_CTX *ctx) {
  CHECK_INT(1, SSL_CTX_load_verify_locations(ctx, CERTS("ca.pem"), NULL));
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static void make_foreign(struct tls_rig *rig) {
  SSL_CTX *server = ssl_ctx_new(WSUV_SERVER, "server");
  SSL_CTX *client = ssl_ctx_new(WSUV_CLIENT, NULL);

  trust_ca(client);
  CHECK_ERR(0, wsuv_tls_context_from_ssl_ctx(&rig->server_tls, WSUV_SERVER, server));
  CHECK_ERR(0, wsuv_tls_context_from_ssl_ctx(&rig->client_tls, WSUV_CLIENT, client));
  SSL_CTX_free(server);
  SSL_CTX_free(client);
}

/* covers: UV.13 */
static void test_foreign(void **state) {
  struct tls_rig rig;
  wsuv_tls_info_t info;
  (void)state;

  rig_open(&rig);
  make_foreign(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(0, wsuv_conn_tls(rig.client.conn, &info));
  CHECK_NULL(info.alpn);
  CHECK_INT(1, info.peer_verified);
  CHECK_STR("localhost", rig.host.server_name);
  CHECK_ERR(0, talker_say(&rig.client, "hello"));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == 1);
  rig_hang_up(&rig, &rig.client);
  rig_close(&rig);
}

/* The name is verified in any case. */
static void test_foreign_verifies_host(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  make_foreign(&rig);
  rig_listen(&rig);
  rig.to.tls_name = "other.example";
  rig_refused(&rig, WSUV_ECERTHOST);
  rig_close(&rig);
}

static void test_foreign_reload(void **state) {
  struct tls_rig rig;
  struct talker later;
  SSL_CTX *second = ssl_ctx_new(WSUV_SERVER, "server2");
  char subject[100];
  (void)state;

  rig_open(&rig);
  make_foreign(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(WSUV_ESTATE,
            wsuv_tls_context_reload(rig.server_tls, &rig.server_side.options, NULL, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_tls_context_set_ssl_ctx(rig.server_tls, NULL));
  CHECK_ERR(0, wsuv_tls_context_set_ssl_ctx(rig.server_tls, second));
  SSL_CTX_free(second);
  CHECK_ERR(0, rig_connect_as(&rig, &later));
  RUN_UNTIL(&rig.lb, later.n[EV_OPEN] == 1);
  CHECK_ERR(0, wsuv_conn_tls_peer(later.conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject));
  CHECK_STR("CN=server,O=second", subject);
  rig_close(&rig);
}

static void test_foreign_errors(void **state) {
  SSL_CTX *ctx = ssl_ctx_new(WSUV_SERVER, "server");
  struct tls_party party;
  wsuv_tls_context_t *context = (void *)&party;
  (void)state;

  CHECK_ERR(WSUV_EINVAL, wsuv_tls_context_from_ssl_ctx(&context, WSUV_SERVER, NULL));
  CHECK_NULL(context);
  CHECK_ERR(WSUV_EINVAL, wsuv_tls_context_from_ssl_ctx(&context, (wsuv_role_t)5, ctx));
  CHECK_NULL(context);
  party_init(&party, "server", NULL);
  context = party_context(&party, NULL, WSUV_SERVER);
  CHECK_ERR(WSUV_ESTATE, wsuv_tls_context_set_ssl_ctx(context, ctx));
  wsuv_tls_context_release(context);
  wsuv_tls_context_release(NULL);
  SSL_CTX_free(ctx);
}

/* Without a context: the system's authorities, which know nothing of ours. */
static void test_default_context(void **state) {
  struct tls_rig rig;
  char url[64];
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  (void)snprintf(url, sizeof url, "wss://127.0.0.1:%d/", rig.host.host.port);
  CHECK_ERR(0, talker_connect_url(&rig.client, &rig.lb, url, NULL));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECERTAUTHORITY, rig.client.end.error);
  CHECK_INT(1015, rig.client.end.code);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_from_memory),     cmocka_unit_test(test_key_among_certificates),
      cmocka_unit_test(test_damaged),         cmocka_unit_test(test_damaged_chain),
      cmocka_unit_test(test_empty_file),      cmocka_unit_test(test_weak_key),
      cmocka_unit_test(test_wrong_role),      cmocka_unit_test(test_released_in_use),
      cmocka_unit_test(test_foreign),         cmocka_unit_test(test_foreign_verifies_host),
      cmocka_unit_test(test_foreign_reload),  cmocka_unit_test(test_foreign_errors),
      cmocka_unit_test(test_default_context),
  };
  return cmocka_run_group_tests_name("tls memory", tests, NULL, NULL);
}
