/* One context and several threads: loops that share it, and a reload while they handshake. Nothing is counted by an allocator
 * here that all of them use; the loops have their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_loopback.h"

struct worker {
  wsuv_tls_context_t *server_tls;
  wsuv_tls_context_t *client_tls;
  uv_thread_t thread;
  unsigned wanted;
  uv_mutex_t *lock;
  unsigned *nworking; /* under the lock */
};

static void close_when_heard(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    (void)talker_say(t, "hello");
  if (event == EV_MESSAGE)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
}

/* The rig's contexts are not its own. */
static void work(void *arg) {
  struct worker *worker = arg;
  struct tls_rig *rig = malloc(sizeof *rig);
  struct talker *clients = calloc(worker->wanted, sizeof *clients);
  unsigned i;

  CHECK_NOT_NULL(rig);
  CHECK_NOT_NULL(clients);
  rig_open(rig);
  rig->options.tls = worker->server_tls;
  rig->to.tls = worker->client_tls;
  CHECK_ERR(0, tls_host_listen(&rig->host, &rig->options));
  for (i = 0; i < worker->wanted; i++) {
    CHECK_ERR(0, rig_connect_as(rig, &clients[i]));
    clients[i].on_event = close_when_heard;
    if (i % 3 == 2) /* some at a time */
      RUN_UNTIL(&rig->lb, clients[i].n[EV_CLOSE] == 1);
  }
  for (i = 0; i < worker->wanted; i++) {
    RUN_UNTIL(&rig->lb, clients[i].n[EV_CLOSE] == 1);
    CHECK_ERR(0, clients[i].end.error);
    CHECK_INT(1, clients[i].end.clean);
  }
  CHECK_SIZE(0, rig->host.nfailed);
  rig_close(rig);
  free(clients);
  free(rig);
  uv_mutex_lock(worker->lock);
  --*worker->nworking;
  uv_mutex_unlock(worker->lock);
}

static int is_working(uv_mutex_t *lock, const unsigned *nworking) {
  int working;

  uv_mutex_lock(lock);
  working = *nworking > 0;
  uv_mutex_unlock(lock);
  return working;
}

/* Good and bad in turns; of the server's and of the client's context. */
static void reload(struct tls_party *server, struct tls_party *client, struct worker *worker,
                   unsigned i) {
  server->identity.cert_file = i % 4 < 2 ? CERTS("server.pem") : CERTS("server2.pem");
  server->identity.key_file = i % 4 == 0   ? CERTS("server.key")
                              : i % 4 == 2 ? CERTS("server2.key")
                                           : CERTS("nothing.key");
  CHECK_ERR(i % 2 ? UV_ENOENT : 0,
            wsuv_tls_context_reload(worker->server_tls, &server->options, NULL, 0));
  if (i % 4 == 0)
    CHECK_ERR(0, wsuv_tls_context_reload(worker->client_tls, &client->options, NULL, 0));
}

static void play(unsigned nthreads, int reloads) {
  struct worker workers[4];
  struct tls_party server;
  struct tls_party client;
  wsuv_tls_context_t *server_tls;
  wsuv_tls_context_t *client_tls;
  uv_mutex_t lock;
  unsigned nworking = nthreads;
  unsigned i;

  party_init(&server, "server", NULL);
  party_init(&client, NULL, "ca");
  server_tls = party_context(&server, NULL, WSUV_SERVER);
  client_tls = party_context(&client, NULL, WSUV_CLIENT);
  CHECK_INT(0, uv_mutex_init(&lock));
  for (i = 0; i < nthreads; i++) {
    workers[i] = (struct worker){.server_tls = server_tls,
                                 .client_tls = client_tls,
                                 .wanted = loopback_is_slow() ? 6 : 60,
                                 .lock = &lock,
                                 .nworking = &nworking};
    CHECK_INT(0, uv_thread_create(&workers[i].thread, work, &workers[i]));
  }
  for (i = 0; reloads && is_working(&lock, &nworking); i++)
    reload(&server, &client, &workers[0], i);
  for (i = 0; i < nthreads; i++)
    CHECK_INT(0, uv_thread_join(&workers[i].thread));
  wsuv_tls_context_release(server_tls);
  wsuv_tls_context_release(client_tls);
  uv_mutex_destroy(&lock);
}

static void test_shared(void **state) {
  (void)state;
  play(2, 0);
}

static void test_reload(void **state) {
  (void)state;
  play(1, 1);
}

static void test_shared_and_reload(void **state) {
  (void)state;
  play(3, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shared),
      cmocka_unit_test(test_reload),
      cmocka_unit_test(test_shared_and_reload),
  };
  return cmocka_run_group_tests_name("tls threads", tests, NULL, NULL);
}
