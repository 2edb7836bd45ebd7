/* The fixture of the integration tests: a uv_loop_t, a wsuv loop with the counting allocator, servers and clients that
 * record what they hear. It checks of its own accord that
 * - no callback runs inside an API call (every call goes through CALL),
 * - on_close comes exactly once and last for everything that was handed out,
 * - at the end nothing is left: no handle, no memory. */
#ifndef WSUV_TESTS_LOOPBACK_H
#define WSUV_TESTS_LOOPBACK_H

#include <uv.h>
#include <wsuv/client.h>
#include <wsuv/server.h>

#include "support/check.h"
#include "support/failing_alloc.h"

#define LOOPBACK_MAX 200

struct raw;
struct talker;

struct loopback {
  uv_loop_t uv;
  struct failing_alloc fa;
  wsuv_loop_t *loop; /* NULL once it was told to close */
  uv_timer_t watchdog;
  int in_call;     /* an API call is under way */
  int result;      /* of the last one */
  int idle;        /* turns in a row with nothing left to wait for */
  int loop_closed; /* how often wsuv_loop_close's callback came */
  struct talker *talkers[LOOPBACK_MAX];
  size_t ntalkers;
  struct raw *raws[LOOPBACK_MAX];
  size_t nraws;
};

/* Every call of the library's: CALL gives its int result. */
#define CALL(lb, expression) \
  ((lb)->in_call++, (lb)->result = (expression), (lb)->in_call--, (lb)->result)
#define CALL_VOID(lb, expression) ((lb)->in_call++, (expression), (void)(lb)->in_call--)

/* Turns the loop until the condition holds. Fails when there is nothing left to wait for, or by the watchdog. */
#define RUN_UNTIL(lb, condition) \
  do {                           \
    while (!(condition))         \
      loopback_turn(lb);         \
  } while (0)

void loopback_open(struct loopback *lb);

/* The allocator is the fixture's. */
void loopback_open_with(struct loopback *lb, wsuv_loop_options_t options);
void loopback_turn(struct loopback *lb);

/* Runs for as long as anything keeps the uv_loop_t alive. */
void loopback_run_out(struct loopback *lb);

/* Whoever was not used since the last time comes to rest, as by the loop's own sweep; its deadline stays as it is. */
void loopback_sweep(struct loopback *lb);

/* CALL(wsuv_loop_close), once. */
void loopback_end(struct loopback *lb);

/* Ends what is left and checks that nothing stays behind. */
void loopback_close(struct loopback *lb);

/* Non-zero under valgrind: long loops take larger steps. */
int loopback_is_slow(void);

enum event {
  EV_OPEN,
  EV_MESSAGE,
  EV_PING,
  EV_PONG,
  EV_CONTROL,
  EV_DRAIN,
  EV_SENT,
  EV_CLOSE,
  NEVENTS
};

struct ending {
  int code;
  int sent_code;
  int clean;
  int error;
  int opened;
  int http_status;
  char reason[124];
  char detail[256];
  char body[64]; /* cut */
  size_t body_len;
};

/* One connection's user. `log` has a letter for each event: o m i(ping) n(pong) x(control) d s(sent) c. */
struct talker {
  struct loopback *lb;
  struct host *host;
  wsuv_conn_t *conn; /* from on_open or connect until on_close returns */
  void (*on_event)(struct talker *t, enum event event);
  void *arg;
  char log[256];
  size_t log_len;
  unsigned n[NEVENTS];
  wsuv_opcode_t type; /* of the message, ping or pong heard last, and its payload */
  uint8_t *payload;
  size_t len;
  int rsv;         /* of the message heard last */
  size_t received; /* octets of all messages */
  int handed_out;  /* on_close is owed */
  struct ending end;
};

extern const wsuv_handler_t talker_handler;

void talker_init(struct talker *t, struct loopback *lb);

/* wsuv_connect; `options` may be NULL, its url may be NULL for a TCP host. */
int talker_connect(struct talker *t, struct host *host, const wsuv_connect_options_t *options);
int talker_connect_url(struct talker *t, struct loopback *lb, const char *url,
                       const wsuv_conn_options_t *conn);

int talker_say(struct talker *t, const char *text);

/* For on_event: sends every message back in kind. */
void talker_echo(struct talker *t, enum event event);

/* Copies `info`; the log, counts and lifetime checks of every callback. */
void talker_note(struct talker *t, enum event event);

/* A server. `talkers[i]` is the i-th accepted connection's user. */
struct host {
  struct loopback *lb;
  wsuv_server_t *server; /* NULL after on_close */
  void (*on_event)(struct talker *t, enum event event);
  void (*on_upgrade)(struct host *host, wsuv_upgrade_t *upgrade);
  void (*on_request)(struct host *host, wsuv_upgrade_t *request);
  void (*on_closed)(struct host *host);
  void *arg;
  wsuv_upgrade_t *upgrade; /* for tests that decide late */
  struct talker *talkers[LOOPBACK_MAX];
  size_t ntalkers;
  int port;
  int nclosed;
};

/* Set the callbacks between init and listen. */
void host_init(struct host *host, struct loopback *lb);
int host_listen(struct host *host, const wsuv_server_options_t *options);

/* wsuv_server_new: it listens nowhere. */
int host_create(struct host *host, const wsuv_server_options_t *options);

/* Both, for an echoing server with default options. */
void host_echo(struct host *host, struct loopback *lb);

/* A client and a server's connection that are open. */
void connect_pair(struct host *host, struct talker *client);

/* For on_upgrade: keeps it in host->upgrade. */
void host_decide_late(struct host *host, wsuv_upgrade_t *upgrade);

#endif
