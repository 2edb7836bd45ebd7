/* One thing for every loop of several, in the same order everywhere. */
#ifndef WSUV_API_BROADCAST_H
#define WSUV_API_BROADCAST_H

#include "api/threads.h"

struct wsuv__broadcast;

struct wsuv__letter {
  struct wsuv__mail mail;
  struct wsuv__thread *to;
  struct wsuv__broadcast *of;
};

/* One block for all loops, with what `deliver` needs behind it; it goes when the last letter was delivered. */
struct wsuv__broadcast {
  struct wsuv_threads *threads;
  int nleft; /* letters; under the threads' lock once it was posted */
  /* On the thread itself, once for each: 0 or WSUV_ECANCELED. */
  void (*deliver)(struct wsuv__broadcast *broadcast, struct wsuv__thread *to, int status);
  struct wsuv__mail **mails;
  struct wsuv__letter letters[];
};

/* With room for `size` octets, aligned for pointers. NULL: no memory. */
struct wsuv__broadcast *wsuv__broadcast_new(struct wsuv_threads *threads, size_t size);
void *wsuv__broadcast_content(const struct wsuv__broadcast *broadcast);

/* Any thread. Takes the broadcast, which is freed after an error, too. To all loops or to none; those that several threads post
 * come in the same order on every loop. WSUV_EQUEUEFULL, WSUV_ESTATE. */
int wsuv__threads_post_all(struct wsuv_threads *threads, struct wsuv__broadcast *broadcast);

/* What is published; its pointers are valid during the call. */
struct wsuv__publication {
  const char *topic;
  wsuv_opcode_t type;
  const void *payload;
  size_t len;
  const void *options; /* a copy, or NULL */
};

typedef void (*wsuv__publish_fn)(wsuv_server_t *server,
                                 const struct wsuv__publication *publication);

/* Any thread. Has `publish` called for the server of every loop, on its thread; not for one that is closed. Topic, payload and
 * the `options_size` octets of the options (which must not own anything) are copied once for all. WSUV_EINVAL (no topic, NULL
 * with a length), WSUV_ENOMEM, and post_all's errors.
 *
 * wsuv_threads_publish of wsuv/topic.h is this with wsuv_server_publish. */
int wsuv__threads_publish(struct wsuv_threads *threads, wsuv__publish_fn publish,
                          const struct wsuv__publication *publication, size_t options_size);

#endif
