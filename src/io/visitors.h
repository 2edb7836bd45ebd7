/* How many connections each address has. The hash has a secret key, so that nobody can choose addresses that fall together. */
#ifndef WSUV_IO_VISITORS_H
#define WSUV_IO_VISITORS_H

#include <uv.h>

#include "base/hash_table.h"
#include "base/siphash.h"

/* IPv4 as mapped into IPv6 (RFC 4291 2.5.5.2), also where it came so; of IPv6 the first 64 bits: one subscriber has all of
 * them. */
struct wsuv__address {
  uint8_t bytes[16];
};

enum wsuv__address_kind {
  ADDRESS_NONE, /* no IP: not counted */
  ADDRESS_LOCAL, /* loopback, private (RFC 1918), link-local, unique local (RFC 4193): a proxy may stand there */
  ADDRESS_PUBLIC
};

/* Fills *out in, unless it is ADDRESS_NONE. */
enum wsuv__address_kind wsuv__address_of(const struct sockaddr *from, struct wsuv__address *out);

struct wsuv__visitor {
  struct wsuv__hash_node node;
  struct wsuv__address address;
  uint64_t count;
};

struct wsuv__visitors {
  const wsuv_allocator_t *allocator;
  uint8_t key[WSUV__SIPHASH_KEY_SIZE];
  uint64_t max; /* for each address */
  struct wsuv__hash_table addresses;
};

void wsuv__visitors_init(struct wsuv__visitors *table, const wsuv_allocator_t *a,
                         const uint8_t key[WSUV__SIPHASH_KEY_SIZE], uint64_t max);

/* One more of the address; *out is for leave. WSUV_EADDRESS: there are `max` already. WSUV_ENOMEM. */
int wsuv__visitors_enter(struct wsuv__visitors *table, const struct wsuv__address *address,
                         struct wsuv__visitor **out);
void wsuv__visitors_leave(struct wsuv__visitors *table, struct wsuv__visitor *visitor);

/* Nobody is in it any more. */
void wsuv__visitors_free(struct wsuv__visitors *table);

#endif
