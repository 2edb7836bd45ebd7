/* One loop that accepts for several. */
#ifndef WSUV_API_HAND_OFF_H
#define WSUV_API_HAND_OFF_H

#include "api/threads.h"

/* NULL: no memory. To be freed when the first thread has ended. */
struct wsuv__acceptor *wsuv__acceptor_new(struct wsuv_threads *threads);

/* The connection callback of the first thread's server. */
void wsuv__acceptor_on_connection(uv_stream_t *listener, int status);

#endif
