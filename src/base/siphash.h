/* SipHash-2-4 (Aumasson, Bernstein): a hash that nobody can find collisions of who does not know its key. For tables whose keys
 * come from peers. */
#ifndef WSUV_BASE_SIPHASH_H
#define WSUV_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define WSUV__SIPHASH_KEY_SIZE 16

/* The same for the same octets on every machine. `data` may be NULL when `len` is 0. */
uint64_t wsuv__siphash(const uint8_t key[WSUV__SIPHASH_KEY_SIZE], const void *data, size_t len);

#endif
