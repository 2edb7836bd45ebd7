/* A play in which both sides hear everything once and the client closes then, but for one place: the callback in which an act,
 * a call or some of them, is done once. Re-entrancy's fixture. */
#ifndef WSUV_TESTS_SCENE_H
#define WSUV_TESTS_SCENE_H

#include "integration/loopback.h"

/* A callback. */
struct place {
  const char *name;
  int server_side;
  int event; /* enum event, or a number of the test's own from NEVENTS on */
};

struct scene;

/* `conn` is NULL where the callback is not a connection's and there is none. */
typedef void (*act_fn)(struct scene *s, wsuv_conn_t *conn);

struct scene {
  struct loopback *lb;
  struct host *host;
  struct talker *client;
  const struct place *place;
  act_fn act;
  void (*begin)(struct scene *s); /* after the client's first words; or NULL */
  int acted;
  int nreqs; /* requests not yet called back */
};

/* From here on it is the one that plays. */
void scene_begin(struct scene *s);

/* Until the act was done, and some turns of the loop more. */
void scene_play(struct scene *s);

/* For a callback of the test's own: does the act where it is the place. */
void scene_act_at(int server_side, int event, wsuv_conn_t *conn);

/* A send with a callback, which is counted. */
void scene_send_request(struct talker *t);

/* For on_event of both sides: they begin to talk when they are open, and the client closes when it heard it all. */
void scene_client_hears(struct talker *t, enum event event);
void scene_server_hears(struct talker *t, enum event event);

/* ---- acts that are the same whatever the transport ---- */

void act_read_stop(struct scene *s, wsuv_conn_t *conn);
void act_read_start(struct scene *s, wsuv_conn_t *conn);
void act_read_stop_start(struct scene *s, wsuv_conn_t *conn);
void act_loop_close(struct scene *s, wsuv_conn_t *conn);
void act_server_close(struct scene *s, wsuv_conn_t *conn);
void act_terminate_other(struct scene *s, wsuv_conn_t *conn);

#endif
