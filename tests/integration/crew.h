/* Threads with an echoing server and a counting allocator of their own, and a loopback for the clients on the test's thread.
 * What the threads count is under a lock. */
#ifndef WSUV_TESTS_CREW_H
#define WSUV_TESTS_CREW_H

#include <wsuv/threads.h>

#include "integration/loopback.h"

#define CREW_LOOPS   8
#define CREW_CLIENTS 48

struct crew {
  struct loopback lb;
  struct failing_alloc fa; /* of the threads */
  wsuv_threads_options_t options;
  wsuv_server_options_t server;
  wsuv_loop_options_t loop;
  wsuv_connect_options_t to; /* of the clients; the URL is made */
  wsuv_threads_t *threads;   /* set by the first on_start */
  struct talker clients[CREW_CLIENTS];
  int nclients;
  uv_mutex_t lock;
  uv_cond_t changed; /* one of the counts */
  int fail_start_at; /* on_start of this index fails; -1: none */
  int nstarted;
  int nstopped;
  int nclosed; /* servers */
  int nopen[CREW_LOOPS];
  uv_thread_t selves[CREW_LOOPS];
  uv_sem_t held;
  uv_sem_t let_go;
};

/* Options for `nloops`; nothing is started. */
void crew_open(struct crew *crew, int nloops);

void crew_start(struct crew *crew);

/* wsuv_threads_join, and that everything was stopped. */
void crew_join(struct crew *crew);

/* The clients' side, and that the threads left nothing. */
void crew_close(struct crew *crew);

/* Begins to connect. */
int crew_try_connect(struct crew *crew, struct talker *client);

/* One more client, connected and open. */
struct talker *crew_connect(struct crew *crew);

/* Each client says something and hears it. */
void crew_echo(struct crew *crew);

/* Turns the clients' loop until all of them are closed. */
void crew_await_close(struct crew *crew);

/* The index of the thread whose thread this is. */
int crew_index(struct crew *crew);

int crew_read(struct crew *crew, const int *count);

/* One more, from any thread. */
void crew_add(struct crew *crew, int *count);

/* Waits until the count is at least `n`. */
void crew_await(struct crew *crew, const int *count, int n);

/* Holds up that loop: it is in a callback from here until crew_let_go. */
void crew_hold(struct crew *crew, int index);
void crew_let_go(struct crew *crew);

/* Runs `entry` on threads of its own, each with one of the `n` things of `size` octets, and waits for their end. */
void crew_run(uv_thread_cb entry, void *things, size_t n, size_t size);

/* Of a server whose data is the crew. */
void crew_on_server_close(wsuv_server_t *server);

/* Every Close at once, for wsuv_threads_stop. */
extern const wsuv_drain_options_t crew_at_once;

#endif
