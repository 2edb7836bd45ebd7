/* The load generator's side of permessage-deflate. Each message is compressed by itself. All of this ends the program where
 * it was built without zlib. */
#ifndef WSUV_BENCH_CLIENT_DEFLATE_H
#define WSUV_BENCH_CLIENT_DEFLATE_H

#include <stddef.h>

#define CLIENT_DEFLATE_TAIL \
  4 /* octets that a compressed message is sent without (RFC 7692 7.2.1) */

/* The field of the request. `repeatable`: the same message has to be compressed to the same octets each time. */
const char *client_deflate_offer(int repeatable);

/* Octets that are enough for what does not get smaller. */
size_t client_deflate_room(size_t len);

/* Returns the length. */
size_t client_deflate_compress(const unsigned char *text, size_t len, unsigned char *out,
                               size_t room);

/* Before the first message that a connection receives. */
void client_deflate_begin(void);

/* Whether the compressed payload is that text. It is followed by room for CLIENT_DEFLATE_TAIL octets. */
int client_deflate_is(unsigned char *payload, size_t len, const unsigned char *text,
                      size_t text_len);

/* Ends the program where an answer to the opening handshake does not allow for what is sent here. */
void client_deflate_judge(const char *answer, int repeatable);

#endif
