#include "support/guard_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)

static void map_pages(struct guard_page *page) {
  page->map_len = page->len;
  page->map = calloc(1, page->len + 1);
  page->data = page->map;
}

void guard_page_free(struct guard_page *page) {
  free(page->map);
  memset(page, 0, sizeof *page);
}

#else

#include <sys/mman.h>
#include <unistd.h>

static void map_pages(struct guard_page *page) {
  size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
  size_t usable = (page->len + page_size - 1) / page_size * page_size;
  uint8_t *map =
      mmap(NULL, usable + page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED)
    return;
  if (mprotect(map + usable, page_size, PROT_NONE) != 0)
    abort();
  page->map = map;
  page->map_len = usable + page_size;
  page->data = map + usable - page->len;
}

void guard_page_free(struct guard_page *page) {
  if (page->map != NULL)
    munmap(page->map, page->map_len);
  memset(page, 0, sizeof *page);
}

#endif

struct guard_page guard_page_new(const void *bytes, size_t len) {
  struct guard_page page = {NULL, len, NULL, 0};
  map_pages(&page);
  if (page.data == NULL) {
    fprintf(stderr, "guard_page: no memory for %zu octets\n", len);
    abort();
  }
  if (bytes != NULL && len > 0)
    memcpy(page.data, bytes, len);
  return page;
}
