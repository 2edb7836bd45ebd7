/* Connections that are handed to other loops are told why they are not served, and every loop drains with the same options. */
#include <string.h>

#include "api/threads.h"
#include "integration/crew.h"
#include "integration/raw_peer.h"

struct rig {
  struct crew crew; /* first */
  struct raw raws[8];
  int ndone;    /* the last call of a drain's callback */
  int nreports; /* all of them */
};

static void open_rig(struct rig *rig) {
  memset(rig, 0, sizeof *rig);
  crew_open(&rig->crew, 2);
  rig->crew.options.hand_off = 1;
}

static void ask(struct rig *rig, struct raw *raw) {
  raw_connect(raw, &rig->crew.lb, wsuv_threads_port(rig->crew.threads));
  raw_say(raw, RAW_REQUEST);
  RUN_UNTIL(&rig->crew.lb, raw_took_head(raw) || raw->eof || raw->error != 0);
}

static void check_answer(struct raw *raw, const char *line) {
  CHECK_BYTES(line, strlen(line), raw_text(raw), strlen(line));
}

struct counts {
  uv_sem_t done;
  wsuv_server_stats_t stats;
};

static void read_stats(wsuv_loop_t *loop, void *arg, int status) {
  struct counts *counts = arg;
  wsuv_loop_stats_t stats = {.size = sizeof stats};

  CHECK_ERR(0, status);
  CHECK_ERR(0, wsuv_loop_stats(loop, &stats));
  wsuv_server_stats_add(&counts->stats, &stats.total);
  uv_sem_post(&counts->done);
}

/* Of both loops, one after the other. */
static wsuv_server_stats_t stats_of(struct rig *rig) {
  struct counts counts;
  int i;

  memset(&counts, 0, sizeof counts);
  CHECK_INT(0, uv_sem_init(&counts.done, 0));
  for (i = 0; i < 2; i++) {
    CHECK_ERR(0, wsuv_loop_post(wsuv_threads_loop(rig->crew.threads, i), read_stats, &counts));
    uv_sem_wait(&counts.done);
  }
  uv_sem_destroy(&counts.done);
  return counts.stats;
}

/* Of each loop: the third and fourth come to a loop that has one already. */
static void test_address(void **state) {
  static struct rig rig;
  wsuv_server_stats_t stats;
  int i;
  (void)state;

  open_rig(&rig);
  rig.crew.server.max_connections_per_address = 1;
  crew_start(&rig.crew);
  for (i = 0; i < 4; i++) {
    ask(&rig, &rig.raws[i]);
    check_answer(&rig.raws[i], i < 2 ? "HTTP/1.1 101 " : "HTTP/1.1 429 ");
  }
  stats = stats_of(&rig);
  CHECK_SIZE(2, stats.opened);
  CHECK_SIZE(2, stats.rejected[WSUV_REJECTED_ADDRESS]);
  wsuv_threads_terminate(rig.crew.threads);
  crew_join(&rig.crew);
  crew_close(&rig.crew);
}

static void test_connections(void **state) {
  static struct rig rig;
  wsuv_server_stats_t stats;
  int i;
  (void)state;

  open_rig(&rig);
  rig.crew.server.max_connections = 1;
  crew_start(&rig.crew);
  for (i = 0; i < 4; i++) {
    ask(&rig, &rig.raws[i]);
    check_answer(&rig.raws[i], i < 2 ? "HTTP/1.1 101 " : "HTTP/1.1 503 ");
  }
  stats = stats_of(&rig);
  CHECK_SIZE(4, stats.accepted);
  CHECK_SIZE(2, stats.rejected[WSUV_REJECTED_CONNECTIONS]);
  wsuv_threads_terminate(rig.crew.threads);
  crew_join(&rig.crew);
  crew_close(&rig.crew);
}

/* ---- draining ---- */

static void on_drain(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  struct rig *rig = wsuv_server_data(server);
  struct crew *crew = &rig->crew;

  CHECK_SIZE(1, progress->total);
  CHECK_PTR(wsuv_threads_loop(crew->threads, crew_index(crew)), server->loop);
  uv_mutex_lock(&crew->lock);
  rig->nreports++;
  rig->ndone += progress->done;
  uv_cond_broadcast(&crew->changed);
  uv_mutex_unlock(&crew->lock);
}

/* Two peers that leave our Close unanswered keep the drain going. */
static void test_drain(void **state) {
  static struct rig rig;
  wsuv_drain_options_t drain = WSUV_DRAIN_OPTIONS_INIT;
  char reason[] = "until tomorrow";
  wsuv_frame_header_t header;
  const uint8_t *payload;
  int i;
  (void)state;

  open_rig(&rig);
  crew_start(&rig.crew);
  drain.code = 70000;
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_stop(rig.crew.threads, &drain));
  drain.code = WSUV_CLOSE_SERVICE_RESTART;
  drain.window_ms = -5;
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_stop(rig.crew.threads, &drain));
  drain.window_ms = WSUV_OFF;
  drain.size--;
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_stop(rig.crew.threads, &drain));
  drain.size++;
  drain.retry_after_s = 77;
  drain.reason = reason;
  drain.cb = on_drain;
  for (i = 0; i < 2; i++)
    ask(&rig, &rig.raws[i]);
  CHECK_ERR(0, wsuv_threads_stop(rig.crew.threads, &drain));
  memset(reason, 'x', sizeof reason - 1);
  memset(&drain, 0xff, sizeof drain);
  for (i = 0; i < 2; i++) {
    RUN_UNTIL(&rig.crew.lb, raw_took_frame(&rig.raws[i], &header, &payload));
    CHECK_INT(WSUV_CLOSE, header.opcode);
    CHECK_BYTES("\x03\xf4until tomorrow", 16, payload, header.payload_len);
  }
  for (i = 2; i < 6; i++) {
    ask(&rig, &rig.raws[i]);
    check_answer(&rig.raws[i], "HTTP/1.1 503 ");
    CHECK_NOT_NULL(strstr(raw_text(&rig.raws[i]), "Retry-After: 77\r\n"));
  }
  CHECK_SIZE(4, stats_of(&rig).rejected[WSUV_REJECTED_STOPPING]);
  for (i = 0; i < 6; i++)
    raw_close(&rig.raws[i]);
  crew_await(&rig.crew, &rig.ndone, 2);
  crew_join(&rig.crew);
  CHECK_INT(2, rig.ndone);
  CHECK_TRUE(rig.nreports >= 4);
  crew_close(&rig.crew);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_address),
      cmocka_unit_test(test_connections),
      cmocka_unit_test(test_drain),
  };
  return cmocka_run_group_tests_name("threads limits", tests, NULL, NULL);
}
