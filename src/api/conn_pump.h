/* What endpoint and application want, turned into calls of the stream: the pump, which wsuv__conn_leave runs. It alone reads
 * what the endpoint wants and starts or stops reading, writing, deadlines, shutdown. */
#ifndef WSUV_API_CONN_PUMP_H
#define WSUV_API_CONN_PUMP_H

#include "api/conn.h"

/* The stream took so many octets. */
void wsuv__conn_count_written(wsuv_conn_t *conn, size_t len);

/* The outbox's writer; `conn` is a wsuv_conn_t. */
size_t wsuv__conn_write_now(void *conn, const wsuv_span_t *spans, size_t nspans);

#endif
