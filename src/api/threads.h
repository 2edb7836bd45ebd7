/* wsuv_threads_t: threads, each with a loop and a server. */
#ifndef WSUV_API_THREADS_H
#define WSUV_API_THREADS_H

#include "api/server.h"
#include "io/mailbox.h"
#include "wsuv/threads.h"

struct wsuv__acceptor;

enum wsuv__threads_phase {
  THREADS_STARTING, /* who is ready waits for the others */
  THREADS_RUNNING,
  THREADS_CLOSING /* the last server is gone: all loops close */
};

enum wsuv__threads_stop { STOP_NOT, STOP_ORDERLY, STOP_AT_ONCE };

enum wsuv__threads_spread {
  SPREAD_NOT,     /* one loop */
  SPREAD_KERNEL,  /* each listens */
  SPREAD_HAND_OFF /* the first accepts for all */
};

enum wsuv__thread_state {
  THREAD_SETTING_UP,
  THREAD_FAILED, /* in setting up; nothing is left of it */
  THREAD_SERVING,
  THREAD_SERVED /* its server is gone; the loop stays until the others' are, too */
};

enum wsuv__thread_end { END_NOT_YET, END_CLOSING, END_CLOSED }; /* of the wsuv_loop_t */

struct wsuv__thread {
  uv_loop_t uv; /* who has a handle or a loop of the thread's finds the thread by it */
  uv_thread_t thread;
  struct wsuv_threads *threads;
  int index;
  int err;                        /* under the lock; of setting up */
  enum wsuv__thread_state state;  /* under the lock; written by the thread */
  wsuv_loop_t *loop;              /* usable by others as long as the phase is not CLOSING */
  wsuv_server_t *server;          /* the thread's; NULL once it is gone */
  wsuv_server_handler_t handler;  /* the application's, with an on_close of ours */
  uv_async_t wake;                /* tells of stop and phase; keeps the uv_loop_t alive */
  enum wsuv__threads_stop heeded; /* the thread's */
  enum wsuv__thread_end end;      /* the thread's */
};

struct wsuv_threads {
  wsuv_allocator_t allocator;
  wsuv_threads_options_t options; /* server and loop until all have started */
  enum wsuv__threads_spread spread;
  uv_handle_type kind;             /* of connections: UV_TCP, UV_NAMED_PIPE */
  struct wsuv__acceptor *acceptor; /* the first thread's; NULL: none */
  uv_mutex_t lock;
  uv_cond_t changed;              /* a thread's state, the phase */
  enum wsuv__threads_phase phase; /* under the lock */
  enum wsuv__threads_stop stop;   /* under the lock */
  wsuv_drain_options_t drain;     /* written under the lock before `stop` */
  char reason[WSUV_CLOSE_REASON_MAX + 1];
  int nserving; /* under the lock */
  int port;
  int nthreads;
  int nloops;
  struct wsuv__mailbox **mailboxes; /* of all, in their order */
  struct wsuv__thread each[];
};

static inline struct wsuv__thread *wsuv__thread_of(uv_loop_t *uv) {
  return WSUV__LIST_ENTRY(uv, struct wsuv__thread, uv);
}

/* The thread's function; `thread` is a struct wsuv__thread. */
void wsuv__thread_run(void *thread);

/* What came of setting a thread up. */
void wsuv__threads_report(struct wsuv__thread *thread, int err);

/* Its server is gone; the last one's has all loops close. */
void wsuv__threads_settle(struct wsuv__thread *thread);

#endif
