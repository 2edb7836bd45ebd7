/* A copy of some bytes that ends right before a page that cannot be touched: one octet too far is a crash, with or
 * without a sanitizer. Falls back to malloc where there is no mmap. */
#ifndef WSUV_TESTS_GUARD_PAGE_H
#define WSUV_TESTS_GUARD_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct guard_page {
  uint8_t *data; /* `len` octets, writable */
  size_t len;
  void *map;
  size_t map_len;
};

/* `bytes` may be NULL: the memory is zero then. Ends the program when there is no memory. */
struct guard_page guard_page_new(const void *bytes, size_t len);
void guard_page_free(struct guard_page *page);

#endif
