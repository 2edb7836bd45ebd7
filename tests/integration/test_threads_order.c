/* What is posted to all loops: to all or to none, and in the same order on each, whichever thread it comes from. */
#include <stdlib.h>
#include <string.h>

#include "api/broadcast.h"
#include "integration/crew.h"

#define NLOOPS     4
#define NPRODUCERS 4
#define MAX_POSTS  2000

struct post {
  struct rig *rig;
  int number;
};

struct rig {
  struct crew threads;
  int nposts; /* of each producer */
  struct post posts[NPRODUCERS][MAX_POSTS];
  int order[NLOOPS][NPRODUCERS * MAX_POSTS]; /* each loop's thread has its own */
  int nrun[NLOOPS];
  int ncanceled[NLOOPS];
  const void *payloads[NLOOPS];
  uv_sem_t finished; /* a loop */
};

struct producer {
  struct rig *rig;
  int index;
};

static struct rig *rig_new(int64_t max_posts) {
  struct rig *rig = calloc(1, sizeof *rig);

  CHECK_NOT_NULL(rig);
  crew_open(&rig->threads, NLOOPS);
  rig->nposts = loopback_is_slow() ? MAX_POSTS / 20 : MAX_POSTS;
  rig->threads.loop.max_posts = max_posts;
  CHECK_INT(0, uv_sem_init(&rig->finished, 0));
  crew_start(&rig->threads);
  return rig;
}

static void rig_end(struct rig *rig) {
  CHECK_ERR(0, wsuv_threads_stop(rig->threads.threads, &crew_at_once));
  crew_join(&rig->threads);
  crew_close(&rig->threads);
  uv_sem_destroy(&rig->finished);
}

static void note(struct rig *rig, int number, int status) {
  int index = crew_index(&rig->threads);

  rig->order[index][rig->nrun[index]++] = number;
  rig->ncanceled[index] += status == WSUV_ECANCELED;
}

static void on_post(wsuv_loop_t *loop, void *arg, int status) {
  struct post *post = arg;

  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  note(post->rig, post->number, status);
}

static struct post *post_of(struct rig *rig, int producer, int i) {
  struct post *post = &rig->posts[producer][i];

  post->rig = rig;
  post->number = producer * rig->nposts + i;
  return post;
}

/* ---- order ---- */

static void publish(wsuv_server_t *server, const struct wsuv__publication *what) {
  struct rig *rig = (struct rig *)wsuv_server_data(server);
  int number;

  CHECK_STR("a topic", what->topic);
  CHECK_SIZE(sizeof number, what->len);
  CHECK_INT(WSUV_BINARY, what->type);
  CHECK_BYTES("options", 8, what->options, 8);
  memcpy(&number, what->payload, sizeof number);
  rig->payloads[crew_index(&rig->threads)] = what->payload;
  note(rig, number, 0);
}

static int publish_number(struct rig *rig, int number) {
  char topic[] = "a topic";
  char options[] = "options";
  struct wsuv__publication what = {topic, WSUV_BINARY, &number, sizeof number, options};
  int err = wsuv__threads_publish(rig->threads.threads, publish, &what, sizeof options);

  memset(topic, 'x', sizeof topic);
  memset(options, 'x', sizeof options);
  return err;
}

/* Functions and publications in turns. */
static void produce(void *arg) {
  struct producer *producer = arg;
  struct rig *rig = producer->rig;
  int i;

  for (i = 0; i < rig->nposts; i++) {
    struct post *post = post_of(rig, producer->index, i);
    CHECK_ERR(0, i % 2 ? publish_number(rig, post->number)
                       : wsuv_threads_each(rig->threads.threads, on_post, post));
  }
}

static void check_order(const struct rig *rig) {
  int next[NPRODUCERS] = {0};
  int i;

  for (i = 0; i < NPRODUCERS * rig->nposts; i++) {
    int producer = rig->order[0][i] / rig->nposts;
    CHECK_INT(next[producer], rig->order[0][i] % rig->nposts);
    next[producer]++;
  }
  for (i = 0; i < NLOOPS; i++) {
    CHECK_INT(NPRODUCERS * rig->nposts, rig->nrun[i]);
    CHECK_BYTES(rig->order[0], sizeof rig->order[0], rig->order[i], sizeof rig->order[i]);
  }
}

static void finish(wsuv_loop_t *loop, void *arg, int status) {
  struct rig *rig = arg;

  (void)loop;
  CHECK_ERR(0, status);
  uv_sem_post(&rig->finished);
}

/* Behind everything that was posted before. */
static void await_all(struct rig *rig) {
  int i;

  CHECK_ERR(0, wsuv_threads_each(rig->threads.threads, finish, rig));
  for (i = 0; i < NLOOPS; i++)
    uv_sem_wait(&rig->finished);
}

static void test_order(void **state) {
  struct rig *rig = rig_new(WSUV_OFF);
  struct producer producers[NPRODUCERS];
  int i;
  (void)state;

  for (i = 0; i < NPRODUCERS; i++) {
    producers[i].rig = rig;
    producers[i].index = i;
  }
  crew_run(produce, producers, NPRODUCERS, sizeof producers[0]);
  await_all(rig);
  check_order(rig);
  rig_end(rig);
  free(rig);
}

/* ---- one copy ---- */

static void test_one_copy(void **state) {
  struct rig *rig = rig_new(0);
  struct wsuv__publication what = {"a topic", WSUV_BINARY, NULL, 1, NULL};
  struct failing_alloc *fa = &rig->threads.fa;
  int i;
  (void)state;

  CHECK_ERR(WSUV_EINVAL, wsuv__threads_publish(rig->threads.threads, publish, &what, 0));
  what.len = 0;
  what.topic = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv__threads_publish(rig->threads.threads, publish, &what, 0));
  what.topic = "a topic";
  what.payload = "x";
  what.len = SIZE_MAX;
  CHECK_ERR(WSUV_ENOMEM, wsuv__threads_publish(rig->threads.threads, publish, &what, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_each(rig->threads.threads, NULL, rig));
  await_all(rig); /* no thread allocates now */
  failing_alloc_fail_once(fa, 1);
  CHECK_ERR(WSUV_ENOMEM, publish_number(rig, 1));
  failing_alloc_fail_once(fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv_threads_each(rig->threads.threads, finish, rig));
  CHECK_ERR(0, publish_number(rig, 7));
  await_all(rig);
  for (i = 0; i < NLOOPS; i++) {
    CHECK_INT(1, rig->nrun[i]);
    CHECK_INT(7, rig->order[i][0]);
    CHECK_PTR(rig->payloads[0], rig->payloads[i]);
  }
  rig_end(rig);
  free(rig);
}

/* ---- all or none ---- */

/* The third loop is held up: its mailbox is full with one post. */
static void test_all_or_none(void **state) {
  struct rig *rig = rig_new(1);
  wsuv_threads_t *threads = rig->threads.threads;
  int i;
  (void)state;

  crew_hold(&rig->threads, 2);
  CHECK_ERR(0, wsuv_threads_each(threads, on_post, post_of(rig, 0, 1)));
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv_threads_each(threads, on_post, post_of(rig, 0, 2)));
  CHECK_ERR(WSUV_EQUEUEFULL, publish_number(rig, 3));
  crew_let_go(&rig->threads);
  rig_end(rig);
  for (i = 0; i < NLOOPS; i++) {
    CHECK_INT(1, rig->nrun[i]);
    CHECK_INT(1, rig->order[i][0]);
  }
  free(rig);
}

/* ---- the end ---- */

/* Until the loops are closed: what was taken is called back once on each, run or canceled. */
static void test_posts_at_the_end(void **state) {
  struct rig *rig = rig_new(256);
  struct post *post = post_of(rig, 0, 0);
  int ntaken = 0;
  int err;
  int i;
  (void)state;

  CHECK_ERR(0, wsuv_threads_stop(rig->threads.threads, &crew_at_once));
  do {
    err = wsuv_threads_each(rig->threads.threads, on_post, post);
    CHECK_TRUE(err == 0 || err == WSUV_EQUEUEFULL || err == WSUV_ESTATE);
    ntaken += err == 0;
  } while (err != WSUV_ESTATE && ntaken < NPRODUCERS * MAX_POSTS);
  CHECK_NULL(err == WSUV_ESTATE ? wsuv_threads_loop(rig->threads.threads, 0) : NULL);
  if (err == WSUV_ESTATE)
    CHECK_ERR(WSUV_ESTATE, wsuv_threads_stop(rig->threads.threads, &crew_at_once));
  crew_join(&rig->threads);
  crew_close(&rig->threads);
  for (i = 0; i < NLOOPS; i++)
    CHECK_INT(ntaken, rig->nrun[i]);
  print_message("%d taken, %d of them canceled on the first loop\n", ntaken, rig->ncanceled[0]);
  uv_sem_destroy(&rig->finished);
  free(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_one_copy),
      cmocka_unit_test(test_all_or_none),
      cmocka_unit_test(test_posts_at_the_end),
  };
  return cmocka_run_group_tests_name("threads order", tests, NULL, NULL);
}
