/* Sec-WebSocket-Extensions as text (RFC 6455 9.1): the list behind wsuv/extension.h, and what others write with it. Pure;
 * parsing takes one allocation. */
#ifndef WSUV_HTTP_EXTENSION_LIST_H
#define WSUV_HTTP_EXTENSION_LIST_H

#include "base/buf.h"
#include "wsuv/extension.h"

/* Appends the elements as text. 0; WSUV_EINVAL and WSUV_ENOMEM leave the buffer as it was. */
int wsuv__extension_list_write(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                               const wsuv_extension_element_t *elements, size_t nelements);

/* Appends "; name" or "; name=value". Errors as above. */
int wsuv__extension_list_write_param(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                                     const wsuv_extension_param_t *param);

#endif
