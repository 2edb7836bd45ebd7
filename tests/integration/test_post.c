/* Posts of another thread, and of the same: order, limits, the end; messages by id. Many threads at once: test_post_churn.c. */
#include <wsuv/post.h>

#include <stdio.h>
#include <string.h>

#include "integration/loopback.h"

struct rig {
  struct loopback lb;
  struct host host;
  struct talker client;
  int nrun;
  int ncanceled;
  int status; /* of the last one */
  int order[64];
  wsuv_conn_id_t id; /* that the last one told */
};

struct note {
  struct rig *rig;
  int number;
};

static void rig_open(struct rig *rig) {
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_echo(&rig->host, &rig->lb);
  connect_pair(&rig->host, &rig->client);
}

static wsuv_conn_t *server_conn(const struct rig *rig) {
  return rig->host.talkers[0]->conn;
}

static void on_post(wsuv_loop_t *loop, void *arg, int status) {
  struct rig *rig = arg;

  CHECK_INT(0, rig->lb.in_call);
  CHECK_NOT_NULL(loop);
  rig->nrun++;
  rig->ncanceled += status == WSUV_ECANCELED;
  rig->status = status;
}

static void on_note(wsuv_loop_t *loop, void *arg, int status) {
  struct note *note = arg;

  note->rig->order[note->rig->nrun] = note->number;
  on_post(loop, note->rig, status);
}

static void on_posted(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status) {
  struct rig *rig = arg;

  rig->id = id;
  on_post(loop, rig, status);
}

static int post(struct rig *rig) {
  return CALL(&rig->lb, wsuv_loop_post(rig->lb.loop, on_post, rig));
}

/* ---- functions ---- */

static void post_notes(void *arg) {
  struct note *notes = arg;
  int i;

  for (i = 0; i < 60; i++)
    CHECK_ERR(0, wsuv_loop_post(notes[i].rig->lb.loop, on_note, &notes[i]));
}

static void test_another_thread(void **state) {
  struct note notes[60];
  struct rig rig;
  uv_thread_t thread;
  int i;
  (void)state;

  rig_open(&rig);
  for (i = 0; i < 60; i++)
    notes[i] = (struct note){&rig, i};
  CHECK_INT(0, uv_thread_create(&thread, post_notes, notes));
  RUN_UNTIL(&rig.lb, rig.nrun == 60);
  CHECK_INT(0, uv_thread_join(&thread));
  for (i = 0; i < 60; i++)
    CHECK_INT(i, rig.order[i]);
  CHECK_ERR(0, rig.status);
  loopback_close(&rig.lb);
  CHECK_INT(60, rig.nrun);
}

static void test_arguments(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_loop_post(rig.lb.loop, NULL, &rig)));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_loop_post_send(rig.lb.loop, 1, WSUV_TEXT, NULL, 1, 0,
                                                           on_posted, &rig)));
  CHECK_ERR(WSUV_ENOMEM, CALL(&rig.lb, wsuv_loop_post_send(rig.lb.loop, 1, WSUV_TEXT, "", SIZE_MAX,
                                                           0, on_posted, &rig)));
  loopback_close(&rig.lb);
  CHECK_INT(0, rig.nrun);
}

static void test_no_memory(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, post(&rig));
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, CALL(&rig.lb, wsuv_loop_post_send(rig.lb.loop, 1, WSUV_TEXT, "x", 1, 0,
                                                           on_posted, &rig)));
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_SIZE(0, wsuv_conn_id(rig.client.conn));
  CHECK_TRUE(wsuv_conn_id(rig.client.conn) != 0);
  loopback_close(&rig.lb);
  CHECK_INT(0, rig.nrun);
}

struct limit_row {
  const char *name;
  int64_t max_posts;
  int err; /* of wsuv_loop_new */
  int taken;
};

static const struct limit_row limits[] = {
    {"of one", 1, 0, 1},
    {"of ten", 10, 0, 10},
    {"the default", 0, 0, 65536},
    {"none", WSUV_OFF, 0, 70000},
    {"below none", -2, WSUV_EINVAL, 0},
};

static void count_post(wsuv_loop_t *loop, void *arg, int status) {
  (void)loop;
  CHECK_ERR(WSUV_ECANCELED, status);
  ++*(int *)arg;
}

static void check_all_canceled(void *arg) {
  const int *counts = arg;
  CHECK_INT(counts[1], counts[0]);
}

/* Nothing keeps this uv_loop_t alive: all of them wait for the end, and come before its callback. */
static void run_limit(const void *data) {
  const struct limit_row *row = data;
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  struct failing_alloc fa;
  int counts[2] = {0, row->taken};
  wsuv_loop_t *loop;
  uv_loop_t uv;
  int i;

  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  options.max_posts = row->max_posts;
  CHECK_INT(0, uv_loop_init(&uv));
  CHECK_ERR(row->err, wsuv_loop_new(&loop, &uv, &options));
  if (row->err == 0) {
    for (i = 0; i < row->taken; i++)
      CHECK_ERR(0, wsuv_loop_post(loop, count_post, counts));
    CHECK_ERR(row->max_posts == WSUV_OFF ? 0 : WSUV_EQUEUEFULL,
              wsuv_loop_post(loop, count_post, counts));
    counts[1] += row->max_posts == WSUV_OFF;
    (void)uv_run(&uv, UV_RUN_DEFAULT);
    CHECK_INT(0, counts[0]);
    CHECK_ERR(0, wsuv_loop_close(loop, check_all_canceled, counts));
    CHECK_ERR(WSUV_ESTATE, wsuv_loop_post(loop, count_post, counts));
    (void)uv_run(&uv, UV_RUN_DEFAULT);
  }
  CHECK_INT(0, uv_loop_close(&uv));
  failing_alloc_check_no_leaks(&fa);
}

/* ---- the end ---- */

static void close_loop(wsuv_loop_t *loop, void *arg, int status) {
  struct rig *rig = arg;

  CHECK_ERR(0, status);
  CHECK_PTR(loop, rig->lb.loop);
  loopback_end(&rig->lb);
  CHECK_ERR(WSUV_ESTATE, wsuv_loop_post(loop, on_post, rig));
}

static void test_a_post_closes_the_loop(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, post(&rig));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_loop_post(rig.lb.loop, close_loop, &rig)));
  CHECK_ERR(0, post(&rig));
  CHECK_ERR(0, post(&rig));
  loopback_run_out(&rig.lb);
  CHECK_INT(3, rig.nrun);
  CHECK_INT(2, rig.ncanceled);
  loopback_close(&rig.lb);
}

static void post_again(wsuv_loop_t *loop, void *arg, int status) {
  struct rig *rig = arg;

  on_post(loop, arg, status);
  CHECK_ERR(status == 0 ? 0 : WSUV_ESTATE, wsuv_loop_post(loop, post_again, arg));
  (void)rig;
}

/* For ever, and the sockets are served all the same. */
static void test_posts_without_end(void **state) {
  struct rig rig;
  int i;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_loop_post(rig.lb.loop, post_again, &rig)));
  for (i = 0; i < 10; i++) {
    CHECK_ERR(0, talker_say(&rig.client, "hello"));
    RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == (unsigned)i + 1);
  }
  CHECK_TRUE(rig.nrun > 0);
  loopback_close(&rig.lb);
  CHECK_INT(1, rig.ncanceled);
}

/* ---- messages ---- */

static void send_by_id(struct rig *rig, wsuv_conn_id_t id, wsuv_opcode_t type, const char *text) {
  int before = rig->nrun;

  CHECK_ERR(0, CALL(&rig->lb, wsuv_loop_post_send(rig->lb.loop, id, type, text, strlen(text), 0,
                                                  on_posted, rig)));
  RUN_UNTIL(&rig->lb, rig->nrun == before + 1);
  CHECK_SIZE(id, rig->id);
}

static void test_send(void **state) {
  struct rig rig;
  wsuv_conn_id_t id;
  char text[] = "from elsewhere";
  (void)state;

  rig_open(&rig);
  id = wsuv_conn_id(server_conn(&rig));
  CHECK_TRUE(id != 0 && id != wsuv_conn_id(rig.client.conn));
  CHECK_PTR(server_conn(&rig), wsuv_loop_conn(rig.lb.loop, id));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_loop_post_send(rig.lb.loop, id, WSUV_BINARY, text,
                                                 sizeof text - 1, 0, on_posted, &rig)));
  memset(text, 'x', sizeof text); /* it was copied */
  RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == 1);
  CHECK_BYTES("from elsewhere", 14, rig.client.payload, rig.client.len);
  CHECK_INT(WSUV_BINARY, rig.client.type);
  CHECK_ERR(0, rig.status);
  CHECK_INT(1, rig.nrun);

  CHECK_ERR(0,
            CALL(&rig.lb, wsuv_loop_post_send(rig.lb.loop, id, WSUV_TEXT, NULL, 0, 0, NULL, NULL)));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == 2);
  CHECK_SIZE(0, rig.client.len);
  CHECK_INT(1, rig.nrun);

  send_by_id(&rig, id, WSUV_TEXT, "\xff");
  CHECK_ERR(WSUV_EENCODING, rig.status);
  send_by_id(&rig, id, WSUV_PING, "x");
  CHECK_ERR(WSUV_EINVAL, rig.status);
  loopback_close(&rig.lb);
}

/* In on_close the id is still its own, and the connection found. */
static void look_itself_up(struct talker *t, enum event event) {
  struct rig *rig = t->arg;

  if (event != EV_CLOSE)
    return;
  rig->id = wsuv_conn_id(t->conn);
  CHECK_PTR(t->conn, wsuv_loop_conn(wsuv_conn_loop(t->conn), rig->id));
  CHECK_ERR(WSUV_ESTATE, wsuv_conn_send_text(t->conn, "x", 1));
}

static void test_send_to_who_is_gone(void **state) {
  struct rig rig;
  wsuv_conn_id_t id;
  (void)state;

  rig_open(&rig);
  rig.client.on_event = look_itself_up;
  rig.client.arg = &rig;
  id = wsuv_conn_id(rig.client.conn);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.client.conn, 1000, NULL)));
  send_by_id(&rig, id, WSUV_TEXT, "x");
  CHECK_ERR(WSUV_ESTATE, rig.status); /* it closes */
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_SIZE(id, rig.id);
  CHECK_NULL(wsuv_loop_conn(rig.lb.loop, id));
  send_by_id(&rig, id, WSUV_TEXT, "x");
  CHECK_ERR(WSUV_EGONE, rig.status);
  send_by_id(&rig, 0, WSUV_TEXT, "x");
  CHECK_ERR(WSUV_EGONE, rig.status);
  CHECK_ERR(0, CALL(&rig.lb,
                    wsuv_loop_post_send(rig.lb.loop, id, WSUV_TEXT, "x", 1, 0, on_posted, &rig)));
  loopback_close(&rig.lb);
  CHECK_ERR(WSUV_ECANCELED, rig.status);
}

/* Asked for the first time in on_close. */
static void test_first_id_in_on_close(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  rig.client.on_event = look_itself_up;
  rig.client.arg = &rig;
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.client.conn));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_TRUE(rig.id != 0);
  CHECK_NULL(wsuv_loop_conn(rig.lb.loop, rig.id));
  loopback_close(&rig.lb);
}

static void end_both(wsuv_loop_t *loop, void *arg, int status) {
  struct rig *rig = arg;

  on_post(loop, arg, status);
  wsuv_conn_terminate(rig->client.conn);
  wsuv_conn_terminate(server_conn(rig));
}

static void test_a_post_ends_connections(void **state) {
  struct rig rig;
  wsuv_conn_id_t id;
  (void)state;

  rig_open(&rig);
  id = wsuv_conn_id(rig.client.conn);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_loop_post(rig.lb.loop, end_both, &rig)));
  CHECK_ERR(0, CALL(&rig.lb,
                    wsuv_loop_post_send(rig.lb.loop, id, WSUV_TEXT, "x", 1, 0, on_posted, &rig)));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1 && rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(2, rig.nrun);
  CHECK_ERR(WSUV_ESTATE, rig.status);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_another_thread),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_a_post_closes_the_loop),
      cmocka_unit_test(test_posts_without_end),
      cmocka_unit_test(test_send),
      cmocka_unit_test(test_send_to_who_is_gone),
      cmocka_unit_test(test_first_id_in_on_close),
      cmocka_unit_test(test_a_post_ends_connections),
  };
  return CHECK_RUN_TABLE("post limits", limits, run_limit) +
         cmocka_run_group_tests_name("post", tests, NULL, NULL);
}
