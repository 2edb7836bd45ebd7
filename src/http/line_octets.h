/* Which octets a line of a head may have: RFC 9110 5.5, RFC 9112 2.2. */
#ifndef WSUV_HTTP_LINE_OCTETS_H
#define WSUV_HTTP_LINE_OCTETS_H

#include <stddef.h>
#include <stdint.h>

/* Non-zero where a piece of a line may have these octets behind `previous`, the last one of the piece before; 0: there is none.
 * CR and LF come as pairs, other control characters not at all; a request line is visible ASCII and SP. */
int wsuv__line_octets_judge(const uint8_t *data, size_t len, uint8_t previous, int is_request_line);

#endif
