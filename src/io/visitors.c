#include "io/visitors.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "wsuv/errno.h"

#define MIN_BUCKETS 16u

/* ---- addresses ---- */

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static enum wsuv__address_kind judge_ipv4(const uint8_t *ip) {
  int is_local = ip[0] == 127 || ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
                 (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254);

  return is_local ? ADDRESS_LOCAL : ADDRESS_PUBLIC;
}

static enum wsuv__address_kind judge_ipv6(const uint8_t *ip) {
  static const uint8_t loopback[16] = {[15] = 1};
  int is_local = memcmp(ip, loopback, sizeof loopback) == 0 || (ip[0] & 0xfe) == 0xfc ||
                 (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);

  return is_local ? ADDRESS_LOCAL : ADDRESS_PUBLIC;
}

static enum wsuv__address_kind take_ipv4(const uint8_t *ip, struct wsuv__address *out) {
  memcpy(out->bytes, mapped_prefix, sizeof mapped_prefix);
  memcpy(out->bytes + sizeof mapped_prefix, ip, 4);
  return judge_ipv4(ip);
}

static enum wsuv__address_kind take_ipv6(const uint8_t *ip, struct wsuv__address *out) {
  if (memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0)
    return take_ipv4(ip + sizeof mapped_prefix, out);
  memset(out, 0, sizeof *out);
  memcpy(out->bytes, ip, 8);
  return judge_ipv6(ip);
}

enum wsuv__address_kind wsuv__address_of(const struct sockaddr *from, struct wsuv__address *out) {
  if (from->sa_family == AF_INET)
    return take_ipv4(
        (const uint8_t *)&((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr, out);
  if (from->sa_family == AF_INET6)
    return take_ipv6(((const struct sockaddr_in6 *)(const void *)from)->sin6_addr.s6_addr, out);
  return ADDRESS_NONE;
}

/* ---- SipHash-2-4 of 16 octets (Aumasson and Bernstein, 2012) ---- */

static uint64_t rotate(uint64_t v, unsigned bits) {
  return v << bits | v >> (64 - bits);
}

static void mix(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  mix(v);
  mix(v);
  v[0] ^= word;
}

/* Which octet of a word comes first makes no difference to who does not know the key. */
static uint64_t hash(const uint64_t key[2], const struct wsuv__address *address) {
  uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                   key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
  int i;

  absorb(v, wsuv__load_word(address->bytes));
  absorb(v, wsuv__load_word(address->bytes + 8));
  absorb(v, UINT64_C(16) << 56);
  v[2] ^= 0xff;
  for (i = 0; i < 4; i++)
    mix(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the table ---- */

static struct wsuv__visitor **bucket_of(const struct wsuv__visitors *table,
                                        const struct wsuv__address *address) {
  return &table->buckets[hash(table->key, address) & (table->nbuckets - 1)];
}

/* Without memory the table stays as it is: its chains are longer, or its array larger, than they should be. */
static void resize(struct wsuv__visitors *table, size_t nbuckets) {
  struct wsuv__visitor **old = table->buckets;
  size_t nold = table->nbuckets;
  struct wsuv__visitor **buckets =
      wsuv__alloc_zeroed(table->allocator, nbuckets * sizeof(struct wsuv__visitor *));
  size_t i;

  if (buckets == NULL)
    return;
  table->buckets = buckets;
  table->nbuckets = nbuckets;
  for (i = 0; i < nold; i++)
    while (old[i] != NULL) {
      struct wsuv__visitor *visitor = old[i];
      struct wsuv__visitor **bucket = bucket_of(table, &visitor->address);
      old[i] = visitor->next;
      visitor->next = *bucket;
      *bucket = visitor;
    }
  wsuv__release(table->allocator, old);
}

void wsuv__visitors_init(struct wsuv__visitors *table, const wsuv_allocator_t *a,
                         const uint64_t key[2], uint64_t max) {
  memset(table, 0, sizeof *table);
  table->allocator = a;
  table->key[0] = key[0];
  table->key[1] = key[1];
  table->max = max;
}

static struct wsuv__visitor *find(const struct wsuv__visitors *table,
                                  const struct wsuv__address *address) {
  struct wsuv__visitor *visitor = *bucket_of(table, address);

  while (visitor != NULL && memcmp(&visitor->address, address, sizeof *address) != 0)
    visitor = visitor->next;
  return visitor;
}

/* NULL: no memory. */
static struct wsuv__visitor *add(struct wsuv__visitors *table,
                                 const struct wsuv__address *address) {
  struct wsuv__visitor *visitor = wsuv__alloc_zeroed(table->allocator, sizeof *visitor);
  struct wsuv__visitor **bucket;

  if (visitor == NULL)
    return NULL;
  if (table->n >= table->nbuckets)
    resize(table, 2 * table->nbuckets);
  bucket = bucket_of(table, address);
  visitor->address = *address;
  visitor->next = *bucket;
  *bucket = visitor;
  table->n++;
  return visitor;
}

int wsuv__visitors_enter(struct wsuv__visitors *table, const struct wsuv__address *address,
                         struct wsuv__visitor **out) {
  struct wsuv__visitor *visitor;

  if (table->nbuckets == 0)
    resize(table, MIN_BUCKETS);
  if (table->nbuckets == 0)
    return WSUV_ENOMEM;
  visitor = find(table, address);
  if (visitor == NULL)
    visitor = add(table, address);
  if (visitor == NULL)
    return WSUV_ENOMEM;
  if (visitor->count >= table->max)
    return WSUV_EADDRESS;
  visitor->count++;
  *out = visitor;
  return 0;
}

void wsuv__visitors_leave(struct wsuv__visitors *table, struct wsuv__visitor *visitor) {
  struct wsuv__visitor **at;

  assert(visitor->count > 0);
  if (--visitor->count > 0)
    return;
  for (at = bucket_of(table, &visitor->address); *at != visitor;)
    at = &(*at)->next;
  *at = visitor->next;
  wsuv__release(table->allocator, visitor);
  table->n--;
  if (table->nbuckets > MIN_BUCKETS && table->n < table->nbuckets / 8)
    resize(table, table->nbuckets / 2);
}

void wsuv__visitors_free(struct wsuv__visitors *table) {
  assert(table->n == 0);
  wsuv__release(table->allocator, table->buckets);
  table->buckets = NULL;
  table->nbuckets = 0;
}
