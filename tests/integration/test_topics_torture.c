/* Topics with the n-th allocation failing, for every n: once, and from there on. Nothing crashes, hangs or leaks. */
#include <stdio.h>
#include <string.h>

#include "integration/loopback.h"
#include "wsuv/deflate.h"
#include "wsuv/topic.h"

#define NCLIENTS 2
#define NTOPICS  20 /* enough for the tables to grow */

struct play {
  struct loopback lb; /* first */
  struct host host;
  struct talker clients[NCLIENTS];
  wsuv_deflate_t *deflate;
  const wsuv_extension_t *extension;
  int is_compressed;
};

static void may_fail(int err) {
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM || err == WSUV_ESTATE);
}

static void name_topic(char name[16], int i) {
  (void)snprintf(name, 16, "topic %d", i);
}

/* Whatever failed: who is counted is there, and who is not is not. */
static void subscribe_all(struct talker *t) {
  char name[16];
  size_t n = 0;
  int i;

  for (i = 0; i < NTOPICS; i++) {
    int err;
    name_topic(name, i);
    err = CALL(t->lb, wsuv_conn_subscribe(t->conn, name));
    may_fail(err);
    CHECK_INT(err == 0, wsuv_conn_is_subscribed(t->conn, name));
    n += err == 0;
  }
  CHECK_SIZE(n, wsuv_conn_nsubscriptions(t->conn));
}

static void publish_all(struct talker *t) {
  static const char payload[30000] = "some text";
  char name[16];
  int i;

  for (i = 0; i < NTOPICS; i++) {
    wsuv_published_t out;
    size_t n;
    name_topic(name, i);
    n = wsuv_server_nsubscribers(t->host->server, name);
    may_fail(CALL(t->lb, wsuv_server_publish(t->host->server, name, WSUV_BINARY, payload,
                                             i == 0 ? sizeof payload : 10, NULL, &out)));
    CHECK_TRUE(out.sent + out.failed <= n && out.refused + out.closed == 0);
    may_fail(out.error);
  }
}

static void server_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    subscribe_all(t);
  if (event != EV_MESSAGE)
    return;
  publish_all(t);
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_unsubscribe(t->conn, "topic 3")));
  publish_all(t);
  if (CALL(t->lb, wsuv_conn_send_text(t->conn, "end", 3)) != 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

static void client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN && CALL(t->lb, wsuv_conn_send_text(t->conn, "go", 2)) != 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
  if (event == EV_MESSAGE && t->type == WSUV_TEXT)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, "done"));
}

static void play(struct play *p) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  int err;
  int i;

  host_init(&p->host, &p->lb);
  p->host.on_event = server_hears;
  to.extensions = options.extensions = &p->extension;
  to.nextensions = options.nextensions = p->extension != NULL;
  err = host_listen(&p->host, &options);
  may_fail(err);
  for (i = 0; err == 0 && i < NCLIENTS; i++) {
    struct talker *t = &p->clients[i];
    int turns = 0;
    talker_init(t, &p->lb);
    t->on_event = client_hears;
    err = talker_connect(t, &p->host, &to);
    may_fail(err);
    while (err == 0 && i == NCLIENTS - 1 && t->n[EV_CLOSE] == 0 && turns < 200) {
      turns += t->n[EV_OPEN] > 0;
      (void)uv_run(&p->lb.uv, t->n[EV_OPEN] > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
  }
}

struct row {
  const char *name;
  int is_compressed;
};

static const struct row rows[] = {{"plain", 0}, {"deflate", 1}};

static int play_with(const void *given, struct failure failure) {
  const struct row *row = given;
  static struct play p;
  int failed;

  memset(&p, 0, sizeof p);
  loopback_open(&p.lb);
  if (row->is_compressed) {
    wsuv_deflate_options_t o = WSUV_DEFLATE_SHARED_INIT;
    o.allocator = &p.lb.fa.allocator;
    if (wsuv_deflate_new(&p.deflate, &o) == 0)
      p.extension = wsuv_deflate_extension(p.deflate);
  }
  failing_alloc_fail_as(&p.lb.fa, failure);
  play(&p);
  failed = failing_alloc_has_failed(&p.lb.fa);
  loopback_end(&p.lb);
  RUN_UNTIL(&p.lb, p.lb.loop_closed);
  wsuv_deflate_free(p.deflate);
  loopback_close(&p.lb);
  return failed;
}

static void test_row(const void *given) {
  size_t step = loopback_is_slow() ? 11 : 1;

  CHECK_TRUE(failing_alloc_torture(play_with, given, 1, step) > 2 * NTOPICS);
  (void)failing_alloc_torture(play_with, given, 0, step);
}

int main(void) {
  return CHECK_RUN_TABLE("topics torture", rows, test_row);
}
