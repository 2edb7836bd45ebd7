/* Origins (RFC 6454): which page opens a connection, as browsers say in Origin. */
#ifndef WSUV_HTTP_ORIGIN_H
#define WSUV_HTTP_ORIGIN_H

#include "http/token.h"

/* Non-zero for what can be listed as allowed: a serialized origin (RFC 6454 6.2) other than "null", which any page can have
 * itself sent as; "*" means something else. */
int wsuv__origin_is_listable(const char *text);

/* wsuv_origin_is_same. */
int wsuv__origin_is_same(struct wsuv__text origin, struct wsuv__text host, int secure);

#endif
