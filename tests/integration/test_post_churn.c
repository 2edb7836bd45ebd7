/* 16 threads that post, send by id and end connections while these come and go, a fixed number of times. Each thread has a few
 * posts under way at most; what came of each is checked: once, and in order. */
#include <wsuv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/loopback.h"

#define NTHREADS 16
#define NCLIENTS 24
#define NIDS     (2 * NCLIENTS)
#define WINDOW   32
#define MAX_OPS  2000

enum op_kind { OP_RUN, OP_SEND, OP_SEND_QUIET, OP_CLOSE, OP_TERMINATE };

struct op {
  struct producer *producer;
  unsigned number;
  wsuv_conn_id_t id;
};

struct producer {
  struct rig *rig;
  uv_thread_t thread;
  uv_sem_t window; /* what may still be under way */
  unsigned index;
  unsigned next; /* op that is to run; the loop's thread */
  uint32_t random;
  struct op ops[MAX_OPS];
};

struct rig {
  uv_loop_t uv;
  struct failing_alloc fa;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  unsigned nops;
  unsigned nopen;
  unsigned nopened;
  unsigned nclosed;
  unsigned nmessages;
  unsigned nresults[3]; /* sent, gone, in no state for it */
  unsigned ndone;       /* producers */
  int started;
  char url[64];
  uv_mutex_t lock;
  wsuv_conn_id_t ids[NIDS]; /* under the lock; of connections that are open, or were */
  unsigned next_id;
  struct producer producers[NTHREADS];
};

static void produce(void *arg);

/* ---- the loop's thread ---- */

static void start_producers(struct rig *rig) {
  unsigned i;

  rig->started = 1;
  for (i = 0; i < NTHREADS; i++)
    CHECK_INT(0, uv_thread_create(&rig->producers[i].thread, produce, &rig->producers[i]));
}

static struct rig *rig_of(wsuv_conn_t *conn) {
  wsuv_server_t *server = wsuv_conn_server(conn);
  return server != NULL ? wsuv_server_data(server) : wsuv_conn_data(conn);
}

static void on_open(wsuv_conn_t *conn) {
  struct rig *rig = rig_of(conn);
  wsuv_conn_id_t id = wsuv_conn_id(conn);

  CHECK_PTR(conn, wsuv_loop_conn(rig->loop, id));
  rig->nopened++;
  rig->nopen++;
  uv_mutex_lock(&rig->lock);
  rig->ids[rig->next_id++ % NIDS] = id;
  uv_mutex_unlock(&rig->lock);
  if (!rig->started && rig->nopen == 2 * NCLIENTS)
    start_producers(rig);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  CHECK_INT(WSUV_TEXT, type);
  CHECK_TRUE(len > 9 && memcmp(payload, "producer ", 9) == 0);
  rig_of(conn)->nmessages++;
}

static void connect_client(struct rig *rig);

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct rig *rig = rig_of(conn);

  rig->nclosed++;
  rig->nopen -= (unsigned)info->opened;
  if (wsuv_conn_server(conn) == NULL && rig->ndone < NTHREADS)
    connect_client(rig);
}

static const wsuv_handler_t handler = {
    .size = sizeof handler, .on_open = on_open, .on_message = on_message, .on_close = on_close};
static const wsuv_server_handler_t server_handler = {.size = sizeof server_handler,
                                                     .conn = &handler};

static void connect_client(struct rig *rig) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_t *conn;

  options.url = rig->url;
  CHECK_ERR(0, wsuv_connect(rig->loop, &conn, &options, &handler, rig));
}

/* What every op comes to, once and in order. */
static struct rig *note(struct op *op) {
  struct producer *producer = op->producer;

  CHECK_SIZE(producer->next, op->number);
  producer->next++;
  uv_sem_post(&producer->window);
  return producer->rig;
}

static void run_op(wsuv_loop_t *loop, void *arg, int status) {
  CHECK_PTR(loop, note(arg)->loop);
  CHECK_ERR(0, status);
}

static void end_conn(struct op *op, int orderly) {
  wsuv_conn_t *conn = wsuv_loop_conn(note(op)->loop, op->id);

  if (conn != NULL && orderly)
    (void)wsuv_conn_close(conn, 0, NULL);
  else if (conn != NULL)
    wsuv_conn_terminate(conn);
}

static void close_op(wsuv_loop_t *loop, void *arg, int status) {
  (void)loop;
  CHECK_ERR(0, status);
  end_conn(arg, 1);
}

static void terminate_op(wsuv_loop_t *loop, void *arg, int status) {
  (void)loop;
  CHECK_ERR(0, status);
  end_conn(arg, 0);
}

static void sent_op(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status) {
  struct rig *rig = note(arg);

  CHECK_PTR(loop, rig->loop);
  CHECK_SIZE(((struct op *)arg)->id, id);
  CHECK_TRUE(status == 0 || status == WSUV_EGONE || status == WSUV_ESTATE);
  rig->nresults[status == 0 ? 0 : status == WSUV_EGONE ? 1 : 2]++;
}

static void end_churn(struct rig *rig) {
  CHECK_ERR(0, wsuv_loop_close(rig->loop, NULL, NULL));
}

static void producer_done(wsuv_loop_t *loop, void *arg, int status) {
  struct producer *producer = arg;
  struct rig *rig = producer->rig;

  (void)loop;
  CHECK_ERR(0, status);
  CHECK_SIZE(rig->nops, producer->next);
  if (++rig->ndone == NTHREADS)
    end_churn(rig);
}

/* ---- the other threads ---- */

static uint32_t draw(struct producer *producer) {
  producer->random ^= producer->random << 13;
  producer->random ^= producer->random >> 17;
  producer->random ^= producer->random << 5;
  return producer->random;
}

/* One in twenty ends a connection. */
static enum op_kind draw_kind(struct producer *producer) {
  uint32_t kind = draw(producer) % 40;

  return kind == 0 ? OP_CLOSE : kind == 1 ? OP_TERMINATE : (enum op_kind)(kind % 3);
}

static wsuv_conn_id_t draw_id(struct producer *producer) {
  wsuv_conn_id_t id;

  uv_mutex_lock(&producer->rig->lock);
  id = producer->rig->ids[draw(producer) % NIDS];
  uv_mutex_unlock(&producer->rig->lock);
  return id;
}

static int post_send(struct producer *producer, wsuv_conn_id_t id, struct op *op) {
  char text[200];
  int len = snprintf(text, sizeof text, "producer %u %0*d", producer->index,
                     (int)(draw(producer) % 100) + 1, 0);

  return wsuv_loop_post_send(producer->rig->loop, id, WSUV_TEXT, text, (size_t)len, 0,
                             op != NULL ? sent_op : NULL, op);
}

static void post_op(struct producer *producer, struct op *op, enum op_kind kind) {
  wsuv_loop_t *loop = producer->rig->loop;
  int err = 0;

  switch (kind) {
  case OP_SEND:
    err = post_send(producer, op->id, op);
    break;
  case OP_CLOSE:
    err = wsuv_loop_post(loop, close_op, op);
    break;
  case OP_TERMINATE:
    err = wsuv_loop_post(loop, terminate_op, op);
    break;
  case OP_SEND_QUIET:
    CHECK_ERR(0, post_send(producer, op->id, NULL));
    err = wsuv_loop_post(loop, run_op, op);
    break;
  default:
    err = wsuv_loop_post(loop, run_op, op);
  }
  CHECK_ERR(0, err);
}

static void produce(void *arg) {
  struct producer *producer = arg;
  unsigned i;

  for (i = 0; i < producer->rig->nops; i++) {
    struct op *op = &producer->ops[i];
    op->producer = producer;
    op->number = i;
    op->id = draw_id(producer);
    uv_sem_wait(&producer->window);
    post_op(producer, op, draw_kind(producer));
  }
  CHECK_ERR(0, wsuv_loop_post(producer->rig->loop, producer_done, producer));
}

/* ---- all of it ---- */

static void rig_open(struct rig *rig) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  unsigned i;

  failing_alloc_init(&rig->fa);
  options.allocator = &rig->fa.allocator;
  rig->nops = loopback_is_slow() ? MAX_OPS / 20 : MAX_OPS;
  CHECK_INT(0, uv_loop_init(&rig->uv));
  CHECK_INT(0, uv_mutex_init(&rig->lock));
  CHECK_ERR(0, wsuv_loop_new(&rig->loop, &rig->uv, &options));
  CHECK_ERR(0, wsuv_server_listen(rig->loop, &rig->server, NULL, &server_handler, rig));
  (void)snprintf(rig->url, sizeof rig->url, "ws://127.0.0.1:%d/", wsuv_server_port(rig->server));
  for (i = 0; i < NTHREADS; i++) {
    rig->producers[i].rig = rig;
    rig->producers[i].index = i;
    rig->producers[i].random = 2463534242u + i;
    CHECK_INT(0, uv_sem_init(&rig->producers[i].window, WINDOW));
  }
  for (i = 0; i < NCLIENTS; i++)
    connect_client(rig);
}

static void rig_close(struct rig *rig) {
  unsigned i;

  for (i = 0; i < NTHREADS; i++)
    CHECK_INT(0, uv_thread_join(&rig->producers[i].thread));
  CHECK_INT(0, uv_run(&rig->uv, UV_RUN_DEFAULT));
  CHECK_INT(0, uv_loop_close(&rig->uv));
  for (i = 0; i < NTHREADS; i++)
    uv_sem_destroy(&rig->producers[i].window);
  uv_mutex_destroy(&rig->lock);
  failing_alloc_check_no_leaks(&rig->fa);
}

static void test_churn(void **state) {
  struct rig *rig = calloc(1, sizeof *rig);
  (void)state;

  CHECK_NOT_NULL(rig);
  rig_open(rig);
  while (rig->ndone < NTHREADS)
    (void)uv_run(&rig->uv, UV_RUN_ONCE);
  rig_close(rig);
  CHECK_SIZE(0, rig->nopen);
  CHECK_TRUE(rig->nopened >= 2 * NCLIENTS);
  CHECK_TRUE(rig->nclosed >= rig->nopened);
  print_message("%u opened, %u messages received; sends: %u sent, %u to who was gone, %u to who "
                "was not open\n",
                rig->nopened, rig->nmessages, rig->nresults[0], rig->nresults[1], rig->nresults[2]);
  free(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_churn)};
  return cmocka_run_group_tests_name("post churn", tests, NULL, NULL);
}
