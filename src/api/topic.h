/* Subscriptions of connections, publications of servers. */
#ifndef WSUV_API_TOPIC_H
#define WSUV_API_TOPIC_H

#include "wsuv/topic.h"

/* 0 or WSUV_EINVAL. */
int wsuv__topic_judge(const char *topic);
int wsuv__publish_options_judge(const wsuv_publish_options_t *options, int allowed_flags);

/* An empty table with a key of its own, also after an error. WSUV_ERANDOM. */
int wsuv__topics_init(wsuv_server_t *server);

#endif
