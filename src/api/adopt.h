/* Taking streams that the application opened. */
#ifndef WSUV_API_ADOPT_H
#define WSUV_API_ADOPT_H

#include "api/conn.h"
#include "wsuv/adopt.h"

/* `options` may be NULL. WSUV_EINVAL, WSUV_ESTREAM. */
int wsuv__adopt_judge(const wsuv_loop_t *loop, const uv_stream_t *stream,
                      const wsuv_adopt_options_t *options);

/* Judges for a server. Also WSUV_ESTATE, WSUV_EBUSY. */
int wsuv__adopt_judge_for(wsuv_server_t *server, const uv_stream_t *stream,
                          const wsuv_adopt_options_t *options);

/* Takes the stream as the connection's transport, and has the pump run. Cannot fail: the last step. */
void wsuv__adopt_take(wsuv_conn_t *conn, uv_stream_t *stream, const wsuv_adopt_options_t *options);

/* wsuv_server_adopt once everything was judged well: the connection's upgrade holds the leftover. WSUV_ENOMEM,
 * WSUV_EADDRESS. */
int wsuv__adopt_new_conn(wsuv_server_t *server, wsuv_conn_t **out, const uv_stream_t *stream,
                         const wsuv_adopt_options_t *options);

#endif
