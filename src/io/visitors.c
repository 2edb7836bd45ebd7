#include "io/visitors.h"

#include <assert.h>
#include <string.h>

#include "base/list.h"
#include "wsuv/errno.h"

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

/* ---- the table ---- */

static int has_address(struct wsuv__hash_node *node, const void *arg) {
  const struct wsuv__visitor *visitor = WSUV__LIST_ENTRY(node, struct wsuv__visitor, node);

  return memcmp(&visitor->address, arg, sizeof visitor->address) == 0;
}

static uint64_t hash(const struct wsuv__visitors *table, const struct wsuv__address *address) {
  return wsuv__siphash(table->key, address->bytes, sizeof address->bytes);
}

void wsuv__visitors_init(struct wsuv__visitors *table, const wsuv_allocator_t *a,
                         const uint8_t key[WSUV__SIPHASH_KEY_SIZE], uint64_t max) {
  memset(table, 0, sizeof *table);
  table->allocator = a;
  memcpy(table->key, key, sizeof table->key);
  table->max = max;
}

static struct wsuv__visitor *find(const struct wsuv__visitors *table,
                                  const struct wsuv__address *address) {
  struct wsuv__hash_node *node =
      wsuv__hash_table_find(&table->addresses, hash(table, address), has_address, address);

  return node != NULL ? WSUV__LIST_ENTRY(node, struct wsuv__visitor, node) : NULL;
}

/* NULL: no memory. */
static struct wsuv__visitor *add(struct wsuv__visitors *table,
                                 const struct wsuv__address *address) {
  struct wsuv__visitor *visitor = wsuv__alloc_zeroed(table->allocator, sizeof *visitor);

  if (visitor == NULL)
    return NULL;
  visitor->address = *address;
  if (wsuv__hash_table_add(&table->addresses, table->allocator, &visitor->node,
                           hash(table, address)) == 0)
    return visitor;
  wsuv__release(table->allocator, visitor);
  return NULL;
}

int wsuv__visitors_enter(struct wsuv__visitors *table, const struct wsuv__address *address,
                         struct wsuv__visitor **out) {
  struct wsuv__visitor *visitor = find(table, address);

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
  assert(visitor->count > 0);
  if (--visitor->count > 0)
    return;
  wsuv__hash_table_remove(&table->addresses, table->allocator, &visitor->node);
  wsuv__release(table->allocator, visitor);
}

void wsuv__visitors_free(struct wsuv__visitors *table) {
  assert(table->addresses.count == 0);
  wsuv__hash_table_free(&table->addresses, table->allocator);
}
