/* Subscriptions of connections, publications of servers. */
#ifndef WSUV_API_TOPIC_H
#define WSUV_API_TOPIC_H

#include "wsuv/topic.h"

/* An empty table with a key of its own, also after an error. WSUV_ERANDOM. */
int wsuv__topics_init(wsuv_server_t *server);

#endif
