#include "api/publications.h"

#include <assert.h>
#include <string.h>

#include "api/conn_pump.h"
#include "api/conn_rest.h"
#include "api/server.h"
#include "proto/endpoint_policy.h"
#include "proto/endpoint_send.h"
#include "proto/shared_frame.h"
#include "proto/traffic.h"
#include "wsuv/send.h"

#define MAX_PUBLICATIONS 64u
#define MAX_OCTETS       (64u * 1024)

struct publication {
  wsuv_prepared_t *prepared;
  const wsuv_conn_t *except; /* only compared: it may be gone */
  uint64_t key;
  wsuv_slow_t slow;
  size_t end; /* of its frame, in the run's octets */
};

struct wsuv__publication_run {
  uint64_t first; /* its number among the server's */
  size_t n;
  size_t nexcepts; /* publications that somebody does not get */
  size_t len;
  wsuv_traffic_t sum;
  struct publication publications[MAX_PUBLICATIONS];
  uint8_t octets[MAX_OCTETS]; /* their frames, one behind the other */
};

enum way {
  INTO_QUEUES,     /* more may follow in this turn */
  TO_THE_TRANSPORT /* what can be written is */
};

static wsuv_conn_t *conn_of(struct wsuv__subscriber *subscriber) {
  return WSUV__LIST_ENTRY(subscriber, wsuv_conn_t, subscriber);
}

/* ---- to one subscriber ---- */

static void send_from(wsuv_conn_t *conn, const struct wsuv__publication_run *run, size_t i) {
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;

  for (; i < run->n; i++) {
    const struct publication *p = &run->publications[i];
    if (p->except == conn)
      continue;
    o.slow = p->slow;
    o.key = p->key;
    (void)wsuv_conn_send_prepared_with(conn, p->prepared, &o); /* a drop is counted there */
  }
}

static int is_excepted(const wsuv_conn_t *conn, const struct wsuv__publication_run *run) {
  size_t i;

  for (i = 0; run->nexcepts > 0 && i < run->n; i++)
    if (run->publications[i].except == conn)
      return 1;
  return 0;
}

/* Whether the frames can go to the stream as they are, and what does not go has room in the queue. */
static int can_write(wsuv_conn_t *conn, size_t len) {
  const struct wsuv_endpoint *ep;

  if (wsuv__conn_wake(conn) != 0)
    return 0;
  ep = &conn->awake->endpoint;
  return conn->phase == WSUV_STATE_OPEN && conn->depth == 0 && conn->tls == NULL &&
         !conn->writing && conn->water == WATER_LOW && ep->closing == CLOSING_NONE &&
         ep->extensions == NULL && ep->trace == NULL && ep->sending == SENDING_NONE &&
         wsuv__outbox_is_idle(&ep->outbox) && wsuv__endpoint_missing_room(ep, len) == 0;
}

static size_t count_written(wsuv_conn_t *conn, const struct wsuv__publication_run *run,
                            size_t written) {
  size_t i = 0;

  for (; i < run->n && run->publications[i].end <= written; i++)
    wsuv__endpoint_count_prepared(&conn->awake->endpoint, run->publications[i].prepared);
  return i;
}

/* The peer reads slowly: from here on it is as if each had been sent by itself. */
static void send_rest(wsuv_conn_t *conn, const struct wsuv__publication_run *run, size_t written) {
  size_t i = count_written(conn, run, written);
  size_t begin = i > 0 ? run->publications[i - 1].end : 0;

  if (written > begin) {
    int err = wsuv__endpoint_send_prepared_rest(&conn->awake->endpoint,
                                                run->publications[i].prepared, written - begin);
    if (err != 0) {
      wsuv__conn_release(conn, err);
      return;
    }
    wsuv__conn_note_output(conn);
    i++;
  }
  send_from(conn, run, i);
}

static void write_all(wsuv_conn_t *conn, const struct wsuv__publication_run *run) {
  struct wsuv_endpoint *ep = &conn->awake->endpoint;
  wsuv_span_t span = {run->octets, run->len};
  size_t written;

  wsuv__endpoint_set_now(ep, wsuv__loop_now_ms(&conn->loop->io));
  (void)wsuv__traffic_of(ep); /* what is written counts, too */
  written = wsuv__conn_write_now(conn, &span, 1);
  if (conn->phase == WSUV_STATE_RELEASING)
    return;
  if (written < run->len) {
    send_rest(conn, run, written);
    return;
  }
  ep->limits.message_ms = ep->now_ms;
  wsuv__traffic_sum_sent(ep, &run->sum);
}

/* ---- to one that rests, which need not wake for what the kernel takes at once ---- */

static int can_write_at_rest(const wsuv_conn_t *conn, size_t len) {
  return conn->awake == NULL && conn->phase == WSUV_STATE_OPEN && conn->tls == NULL &&
         conn->folded.extensions == NULL && conn->folded.traffic != NULL &&
         len <= conn->config->endpoint.write_limit;
}

static void write_at_rest(wsuv_conn_t *conn, const struct wsuv__publication_run *run) {
  struct wsuv__stream *stream = &conn->stream.base;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)run->octets, (unsigned)run->len);
  int written = stream->ops->try_write(stream, &buf, 1);
  int err = written < 0 ? written : 0;

  if (err == 0) {
    conn->folded.traffic->sent.wire_octets += (size_t)written;
    if ((size_t)written == run->len) {
      conn->folded.message_ms = wsuv__loop_now_ms(&conn->loop->io);
      wsuv__traffic_add_sent(conn->folded.traffic, &run->sum);
      return;
    }
    err = wsuv__conn_wake(conn);
  }
  if (err == 0)
    send_rest(conn, run, (size_t)written);
  else
    wsuv__conn_release(conn, err);
}

static void hand_to(wsuv_conn_t *conn, const struct wsuv__publication_run *run, uint64_t taken,
                    enum way way) {
  size_t from = taken > run->first ? (size_t)(taken - run->first) : 0;
  int is_whole = way == TO_THE_TRANSPORT && from == 0 && !is_excepted(conn, run) &&
                 !wsuv__budget_is_set(&conn->loop->budget);

  if (is_whole && can_write_at_rest(conn, run->len))
    write_at_rest(conn, run);
  else if (is_whole && can_write(conn, run->len))
    write_all(conn, run);
  else
    send_from(conn, run, from);
}

void wsuv__publications_take(wsuv_conn_t *conn) {
  struct wsuv__topic_table *table = &conn->server->topics;
  uint64_t *place = wsuv__topic_table_taken(table, &conn->subscriber, table->pending);
  struct wsuv__publications *publications = &conn->server->publications;
  enum wsuv__publications_state state = publications->state;
  uint64_t taken;

  if (place == NULL || *place == table->npublished)
    return;
  taken = *place;
  *place = table->npublished;
  publications->state = PUBLICATIONS_HANDED_OUT;
  hand_to(conn, publications->run, taken, INTO_QUEUES);
  publications->state = state;
}

/* ---- to all ---- */

static void empty(struct wsuv__publication_run *run) {
  while (run->n > 0)
    wsuv_prepared_free(run->publications[--run->n].prepared);
  run->len = 0;
  run->nexcepts = 0;
  memset(&run->sum, 0, sizeof run->sum);
}

/* The topic is gone if its subscribers are. */
static void hand_out(wsuv_server_t *server, enum way way) {
  struct wsuv__publications *publications = &server->publications;
  struct wsuv__topic_table *table = &server->topics;
  struct wsuv__topic *topic = table->pending;
  struct wsuv__topic_cursor cursor;
  struct wsuv__subscriber *subscriber;

  table->pending = NULL;
  wsuv__list_remove(&publications->task.link);
  if (topic != NULL) {
    publications->state = PUBLICATIONS_HANDED_OUT;
    wsuv__topic_cursor_begin(&cursor, table, topic, 1);
    while ((subscriber = wsuv__topic_cursor_next(&cursor)) != NULL)
      hand_to(conn_of(subscriber), publications->run, cursor.taken, way);
    wsuv__topic_cursor_end(&cursor, table);
    publications->state = PUBLICATIONS_COLLECTED;
  }
  empty(publications->run);
}

static void run_task(struct wsuv__task *task) {
  struct wsuv__publications *publications = WSUV__LIST_ENTRY(task, struct wsuv__publications, task);

  hand_out(WSUV__LIST_ENTRY(publications, wsuv_server_t, publications), TO_THE_TRANSPORT);
}

static void hand_out_guarded(wsuv_server_t *server, enum way way, struct wsuv__topic **topic) {
  struct wsuv__topic_cursor guard;

  wsuv__topic_cursor_begin(&guard, &server->topics, *topic, 0);
  hand_out(server, way);
  *topic = guard.topic;
  wsuv__topic_cursor_end(&guard, &server->topics);
}

void wsuv__publications_queue_all(wsuv_server_t *server, struct wsuv__topic **topic) {
  const struct wsuv__publications *publications = &server->publications;

  if (publications->state == PUBLICATIONS_COLLECTED && publications->run != NULL &&
      publications->run->n > 0)
    hand_out_guarded(server, INTO_QUEUES, topic);
}

/* ---- collecting ---- */

static struct wsuv__publication_run *find_run(wsuv_server_t *server) {
  struct wsuv__publications *publications = &server->publications;
  struct wsuv__publication_run *run = publications->run;

  if (run != NULL)
    return run;
  run = wsuv__alloc(&server->loop->allocator, sizeof *run);
  if (run == NULL)
    return NULL;
  memset(run, 0, offsetof(struct wsuv__publication_run, octets));
  publications->run = run;
  return run;
}

/* What waits is of the same topic then, and there is room behind it. */
static void make_way(wsuv_server_t *server, struct wsuv__topic **topic, size_t len) {
  const struct wsuv__publication_run *run = server->publications.run;

  if (run->n > 0 && server->topics.pending != *topic)
    hand_out_guarded(server, INTO_QUEUES, topic);
  else if (run->n == MAX_PUBLICATIONS || run->len + len > MAX_OCTETS)
    hand_out_guarded(server, TO_THE_TRANSPORT, topic);
}

static void append(wsuv_server_t *server, wsuv_prepared_t *prepared,
                   const wsuv_publish_options_t *o) {
  struct wsuv__publication_run *run = server->publications.run;
  const struct wsuv__shared_frame *frame = wsuv__prepared_plain(prepared);
  struct publication *p = &run->publications[run->n];

  if (run->n++ == 0)
    run->first = server->topics.npublished;
  server->topics.npublished++;
  wsuv_prepared_ref(prepared);
  p->prepared = prepared;
  p->except = o->except;
  p->key = o->key;
  p->slow = o->slow;
  run->nexcepts += o->except != NULL;
  memcpy(run->octets + run->len, frame->octets, frame->len);
  run->len += frame->len;
  p->end = run->len;
  wsuv__traffic_add_message(&run->sum, frame->opcode, wsuv__shared_frame_payload_len(frame), 1);
  run->sum.shared++;
}

/* The connection whose event is being handled takes it now: what it sends, and the Close that may be next in what it received,
 * come behind. */
static void serve_current(wsuv_server_t *server) {
  wsuv_conn_t *conn = server->loop->corked;

  if (conn != NULL && conn->server == server && conn->subscriber.first != NULL)
    wsuv__publications_take(conn);
}

int wsuv__publications_add(wsuv_server_t *server, struct wsuv__topic *topic,
                           wsuv_prepared_t *prepared, const wsuv_publish_options_t *options) {
  struct wsuv__publications *publications = &server->publications;
  const struct wsuv__shared_frame *frame = wsuv__prepared_plain(prepared);

  if (frame->opcode > WSUV_BINARY || frame->len > MAX_OCTETS ||
      publications->state != PUBLICATIONS_COLLECTED || find_run(server) == NULL)
    return 0;
  make_way(server, &topic, frame->len);
  if (topic == NULL)
    return 1; /* nobody is left */
  append(server, prepared, options);
  server->topics.pending = topic;
  wsuv__loop_defer(&server->loop->io, &publications->task);
  serve_current(server);
  return 1;
}

void wsuv__publications_init(struct wsuv__publications *publications) {
  wsuv__list_init(&publications->task.link);
  publications->task.run = run_task;
}

size_t wsuv__publications_octets(const struct wsuv__publications *publications) {
  return publications->run != NULL ? sizeof *publications->run : 0;
}

void wsuv__publications_free(wsuv_server_t *server) {
  struct wsuv__publications *publications = &server->publications;

  if (publications->run == NULL)
    return;
  assert(server->topics.pending == NULL);
  wsuv__list_remove(&publications->task.link);
  empty(publications->run);
  wsuv__release(&server->loop->allocator, publications->run);
}
