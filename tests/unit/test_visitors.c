#include "io/visitors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static const uint8_t key[WSUV__SIPHASH_KEY_SIZE] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                    8, 9, 10, 11, 12, 13, 14, 15};

static enum wsuv__address_kind parse(const char *text, struct wsuv__address *out) {
  struct sockaddr_in in;
  struct sockaddr_in6 in6;

  if (uv_ip4_addr(text, 1, &in) == 0)
    return wsuv__address_of((const struct sockaddr *)&in, out);
  CHECK_ERR(0, uv_ip6_addr(text, 1, &in6));
  return wsuv__address_of((const struct sockaddr *)&in6, out);
}

struct kind_row {
  const char *name; /* an address */
  enum wsuv__address_kind kind;
};

static const struct kind_row kinds[] = {
    {"127.0.0.1", ADDRESS_LOCAL},
    {"127.255.0.1", ADDRESS_LOCAL},
    {"10.1.2.3", ADDRESS_LOCAL},
    {"11.1.2.3", ADDRESS_PUBLIC},
    {"172.15.255.255", ADDRESS_PUBLIC},
    {"172.16.0.0", ADDRESS_LOCAL},
    {"172.31.255.255", ADDRESS_LOCAL},
    {"172.32.0.0", ADDRESS_PUBLIC},
    {"192.168.0.1", ADDRESS_LOCAL},
    {"192.169.0.1", ADDRESS_PUBLIC},
    {"169.254.1.1", ADDRESS_LOCAL},
    {"169.253.1.1", ADDRESS_PUBLIC},
    {"192.0.2.1", ADDRESS_PUBLIC},
    {"::1", ADDRESS_LOCAL},
    {"::2", ADDRESS_PUBLIC},
    {"fe80::1", ADDRESS_LOCAL},
    {"febf::1", ADDRESS_LOCAL},
    {"fec0::1", ADDRESS_PUBLIC},
    {"fc00::1", ADDRESS_LOCAL},
    {"fdff::1", ADDRESS_LOCAL},
    {"fe00::1", ADDRESS_PUBLIC},
    {"2001:db8::1", ADDRESS_PUBLIC},
    {"::ffff:127.0.0.1", ADDRESS_LOCAL},
    {"::ffff:10.0.0.1", ADDRESS_LOCAL},
    {"::ffff:192.0.2.1", ADDRESS_PUBLIC},
};

static void test_kind(const void *arg) {
  const struct kind_row *row = arg;
  struct wsuv__address address;

  CHECK_INT(row->kind, parse(row->name, &address));
}

struct same_row {
  const char *name;
  const char *a;
  const char *b;
  int same;
};

static const struct same_row pairs[] = {
    {"an IPv4 address and itself", "192.0.2.1", "192.0.2.1", 1},
    {"IPv4 neighbours", "192.0.2.1", "192.0.2.2", 0},
    {"mapped", "192.0.2.1", "::ffff:192.0.2.1", 1},
    {"mapped and another", "192.0.2.1", "::ffff:192.0.2.2", 0},
    {"one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", 1},
    {"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", 0},
    {"IPv6 of the same octets is not IPv4", "0.0.0.0", "::", 0},
};

static void test_same(const void *arg) {
  const struct same_row *row = arg;
  struct wsuv__address a;
  struct wsuv__address b;

  (void)parse(row->a, &a);
  (void)parse(row->b, &b);
  CHECK_INT(row->same, memcmp(&a, &b, sizeof a) == 0);
}

static void test_unix_socket_is_no_address(void **state) {
  struct sockaddr_storage unix_socket;
  struct wsuv__address address;
  (void)state;

  memset(&unix_socket, 0, sizeof unix_socket);
  unix_socket.ss_family = AF_UNIX;
  CHECK_INT(ADDRESS_NONE, wsuv__address_of((const struct sockaddr *)&unix_socket, &address));
}

static struct wsuv__address numbered(uint32_t i) {
  struct wsuv__address address;

  memset(&address, 0, sizeof address);
  memcpy(address.bytes + 12, &i, sizeof i);
  return address;
}

/* `max`, one more, and again `max` once one has left. */
static void test_limit(void **state) {
  struct failing_alloc fa;
  struct wsuv__visitors table;
  struct wsuv__visitor *at[4];
  struct wsuv__visitor *other;
  struct wsuv__address a = numbered(1);
  struct wsuv__address b = numbered(2);
  int i;
  (void)state;

  failing_alloc_init(&fa);
  wsuv__visitors_init(&table, &fa.allocator, key, 3);
  CHECK_SIZE(0, fa.noutstanding); /* nothing for a server that counts none */
  for (i = 0; i < 3; i++)
    CHECK_ERR(0, wsuv__visitors_enter(&table, &a, &at[i]));
  CHECK_ERR(WSUV_EADDRESS, wsuv__visitors_enter(&table, &a, &at[3]));
  CHECK_ERR(0, wsuv__visitors_enter(&table, &b, &other));
  CHECK_SIZE(2, table.addresses.count);
  wsuv__visitors_leave(&table, at[1]);
  CHECK_ERR(0, wsuv__visitors_enter(&table, &a, &at[1]));
  CHECK_ERR(WSUV_EADDRESS, wsuv__visitors_enter(&table, &a, &at[3]));
  for (i = 0; i < 3; i++)
    wsuv__visitors_leave(&table, at[i]);
  CHECK_SIZE(1, table.addresses.count);
  wsuv__visitors_leave(&table, other);
  wsuv__visitors_free(&table);
  failing_alloc_check_no_leaks(&fa);
}

#define NADDRESSES 5000u

/* Comes and goes in another order; `grows`: else every address falls into few buckets, one chain for many. */
static void crowd(int grows) {
  static struct wsuv__visitor *at[NADDRESSES];
  static struct wsuv__visitor *again[NADDRESSES];
  struct failing_alloc fa;
  struct wsuv__visitors table;
  struct wsuv__visitor *third;
  uint32_t n = grows ? NADDRESSES : 500;
  uint32_t i;

  failing_alloc_init(&fa);
  wsuv__visitors_init(&table, &fa.allocator, key, 2);
  for (i = 0; i < n; i++) {
    struct wsuv__address address = numbered(i);
    if (!grows && table.addresses.count >= table.addresses.nchains && table.addresses.count > 0)
      failing_alloc_fail_once(&fa, 2); /* the larger array, behind the entry */
    CHECK_ERR(0, wsuv__visitors_enter(&table, &address, &at[i]));
    CHECK_ERR(0, wsuv__visitors_enter(&table, &address, &again[i]));
    CHECK_PTR(at[i], again[i]);
  }
  CHECK_SIZE(n, table.addresses.count);
  CHECK_INT(grows, table.addresses.nchains >= n);
  failing_alloc_fail_once(&fa, 0);
  for (i = 0; i < n; i++) {
    struct wsuv__address address = numbered(i);
    CHECK_ERR(WSUV_EADDRESS, wsuv__visitors_enter(&table, &address, &third));
  }
  for (i = 0; i < n; i++) {
    uint32_t k = i * 7 % n; /* 7 divides neither */
    wsuv__visitors_leave(&table, at[k]);
    wsuv__visitors_leave(&table, again[k]);
  }
  CHECK_SIZE(0, table.addresses.count);
  CHECK_SIZE(16, table.addresses.nchains);
  CHECK_SIZE(1, fa.noutstanding);
  wsuv__visitors_free(&table);
  failing_alloc_check_no_leaks(&fa);
}

static void test_growth_and_removal(void **state) {
  (void)state;
  crowd(1);
}

static void test_collisions(void **state) {
  (void)state;
  crowd(0);
}

/* Without memory to shrink it goes on with what it has. */
static void test_no_memory_to_shrink(void **state) {
  static struct wsuv__visitor *at[200];
  struct failing_alloc fa;
  struct wsuv__visitors table;
  uint32_t i;
  (void)state;

  failing_alloc_init(&fa);
  wsuv__visitors_init(&table, &fa.allocator, key, 1);
  for (i = 0; i < 200; i++) {
    struct wsuv__address address = numbered(i);
    CHECK_ERR(0, wsuv__visitors_enter(&table, &address, &at[i]));
  }
  failing_alloc_fail_from(&fa, 1);
  for (i = 0; i < 200; i++)
    wsuv__visitors_leave(&table, at[i]);
  CHECK_TRUE(failing_alloc_has_failed(&fa));
  CHECK_SIZE(256, table.addresses.nchains);
  wsuv__visitors_free(&table);
  failing_alloc_check_no_leaks(&fa);
}

static void test_no_memory(void **state) {
  struct wsuv__address address = numbered(1);
  size_t n;
  (void)state;

  for (n = 1; n < 3; n++) {
    struct failing_alloc fa;
    struct wsuv__visitors table;
    struct wsuv__visitor *at;

    failing_alloc_init(&fa);
    wsuv__visitors_init(&table, &fa.allocator, key, 1);
    failing_alloc_fail_once(&fa, n);
    CHECK_ERR(WSUV_ENOMEM, wsuv__visitors_enter(&table, &address, &at));
    CHECK_SIZE(0, table.addresses.count);
    CHECK_ERR(0, wsuv__visitors_enter(&table, &address, &at));
    wsuv__visitors_leave(&table, at);
    wsuv__visitors_free(&table);
    failing_alloc_check_no_leaks(&fa);
  }
}

static size_t longest_chain(const struct wsuv__visitors *table) {
  size_t longest = 0;
  size_t i;

  for (i = 0; i < table->addresses.nchains; i++) {
    const struct wsuv__hash_node *node;
    size_t len = 0;
    for (node = table->addresses.chains[i]; node != NULL; node = node->next)
      len++;
    longest = len > longest ? len : longest;
  }
  return longest;
}

static void fill(struct wsuv__visitors *table, const struct wsuv__address *addresses, size_t n,
                 struct wsuv__visitor **at) {
  size_t i;

  for (i = 0; i < n; i++)
    CHECK_ERR(0, wsuv__visitors_enter(table, &addresses[i], &at[i]));
}

/* Addresses that fall together under one key are spread under another. */
static void test_key_is_secret(void **state) {
  static struct wsuv__address chosen[64];
  static struct wsuv__visitor *at[64];
  static const uint8_t other_key[WSUV__SIPHASH_KEY_SIZE] = {1, 2};
  struct failing_alloc fa;
  struct wsuv__visitors table;
  struct wsuv__visitor *probe;
  size_t nchosen = 0;
  uint32_t i;
  (void)state;

  failing_alloc_init(&fa);
  for (i = 0; nchosen < 64; i++) { /* those of chain 0 of a table of 64 */
    struct wsuv__address address = numbered(i);
    wsuv__visitors_init(&table, &fa.allocator, key, 1);
    table.addresses.chains =
        wsuv__alloc_zeroed(&fa.allocator, 64 * sizeof(struct wsuv__hash_node *));
    table.addresses.nchains = 64;
    CHECK_ERR(0, wsuv__visitors_enter(&table, &address, &probe));
    if (table.addresses.chains[0] == &probe->node)
      chosen[nchosen++] = address;
    wsuv__visitors_leave(&table, probe);
    wsuv__visitors_free(&table);
  }
  wsuv__visitors_init(&table, &fa.allocator, key, 1);
  fill(&table, chosen, 64, at);
  CHECK_SIZE(64, longest_chain(&table));
  for (i = 0; i < 64; i++)
    wsuv__visitors_leave(&table, at[i]);
  wsuv__visitors_free(&table);
  wsuv__visitors_init(&table, &fa.allocator, other_key, 1);
  fill(&table, chosen, 64, at);
  CHECK_TRUE(longest_chain(&table) < 8);
  for (i = 0; i < 64; i++)
    wsuv__visitors_leave(&table, at[i]);
  wsuv__visitors_free(&table);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unix_socket_is_no_address),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_growth_and_removal),
      cmocka_unit_test(test_collisions),
      cmocka_unit_test(test_no_memory_to_shrink),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_key_is_secret),
  };
  int failures = CHECK_RUN_TABLE("kinds of addresses", kinds, test_kind);

  failures += CHECK_RUN_TABLE("pairs of addresses", pairs, test_same);
  failures += cmocka_run_group_tests_name("visitors", tests, NULL, NULL);
  return failures;
}
