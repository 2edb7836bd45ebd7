/* What endpoint and application want, turned into calls of the stream. */
#ifndef WSUV_API_CONN_PUMP_H
#define WSUV_API_CONN_PUMP_H

#include "api/conn.h"

/* The only function that reads what the endpoint wants and starts or stops reading, writing, deadlines, shutdown. */
void wsuv__conn_pump(wsuv_conn_t *conn);

/* The stream took so many octets. */
void wsuv__conn_count_written(wsuv_conn_t *conn, size_t len);

/* The outbox's writer; `conn` is a wsuv_conn_t. */
size_t wsuv__conn_write_now(void *conn, const wsuv_span_t *spans, size_t nspans);

#endif
