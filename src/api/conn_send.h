/* What is behind the short way of api/conn_message.c. */
#ifndef WSUV_API_CONN_SEND_H
#define WSUV_API_CONN_SEND_H

#include "wsuv/conn.h"

/* wsuv_conn_send_message of any message, in any state. */
int wsuv__conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                            int flags);

/* The same of one that may go into the cork, and has to be judged or masked. */
int wsuv__conn_cork_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len);

#endif
