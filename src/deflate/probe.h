/* Whether a payload looks as if it was compressed or encrypted already. */
#ifndef WSUV_DEFLATE_PROBE_H
#define WSUV_DEFLATE_PROBE_H

#include <stddef.h>
#include <stdint.h>

/* Looks at 256 octets at most, from all over the payload; short ones are never judged. */
int wsuv__looks_random(const uint8_t *data, size_t len);

#endif
