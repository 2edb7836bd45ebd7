#include "support/failing_alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

/* In front of every block; the union keeps the block aligned for anything. */
union block {
  struct {
    struct failing_alloc *owner;
    size_t size;
  } is;
  max_align_t align;
};

/* One for all allocators: loops that share one run on threads of their own. */
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void) {
  while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
    continue;
}

static void unlock(void) {
  atomic_flag_clear_explicit(&busy, memory_order_release);
}

static int refuses_next(struct failing_alloc *fa) {
  fa->ncalls++;
  if (fa->fail_first == 0 || fa->ncalls < fa->fail_first || fa->ncalls > fa->fail_last)
    return 0;
  fa->nfailed++;
  return 1;
}

static void *new_block(struct failing_alloc *fa, size_t size) {
  union block *block = malloc(sizeof *block + size);
  if (block == NULL)
    abort();
  block->is.owner = fa;
  block->is.size = size;
  fa->noutstanding++;
  fa->outstanding_size += size;
  if (fa->outstanding_size > fa->peak_size)
    fa->peak_size = fa->outstanding_size;
  return block + 1;
}

static union block *block_of(struct failing_alloc *fa, void *ptr) {
  union block *block = (union block *)ptr - 1;
  if (block->is.owner != fa)
    abort(); /* not a block of this allocator, or given back twice */
  return block;
}

static void drop_block(struct failing_alloc *fa, void *ptr) {
  union block *block = block_of(fa, ptr);
  fa->noutstanding--;
  fa->outstanding_size -= block->is.size;
  block->is.owner = NULL;
  free(block);
}

static void *counted_alloc(void *arg, size_t size) {
  struct failing_alloc *fa = arg;
  void *block;
  lock();
  block = refuses_next(fa) ? NULL : new_block(fa, size);
  unlock();
  return block;
}

/* Always moves, so that a stale pointer into the old block is found. */
static void *resize_locked(struct failing_alloc *fa, void *ptr, size_t size) {
  size_t old_size = ptr != NULL ? block_of(fa, ptr)->is.size : 0;
  void *moved;
  if (refuses_next(fa))
    return NULL;
  moved = new_block(fa, size);
  if (ptr != NULL) {
    memcpy(moved, ptr, old_size < size ? old_size : size);
    drop_block(fa, ptr);
  }
  return moved;
}

static void *counted_resize(void *arg, void *ptr, size_t size) {
  void *block;
  lock();
  block = resize_locked(arg, ptr, size);
  unlock();
  return block;
}

static void counted_release(void *arg, void *ptr) {
  if (ptr == NULL)
    return;
  lock();
  drop_block(arg, ptr);
  unlock();
}

void failing_alloc_init(struct failing_alloc *fa) {
  memset(fa, 0, sizeof *fa);
  fa->allocator = (wsuv_allocator_t){counted_alloc, counted_resize, counted_release, fa};
}

static void set_range(struct failing_alloc *fa, size_t first, size_t last) {
  lock();
  fa->fail_first = first == 0 ? 0 : fa->ncalls + first;
  fa->fail_last = last == SIZE_MAX ? last : fa->ncalls + last;
  unlock();
}

void failing_alloc_fail_once(struct failing_alloc *fa, size_t n) {
  set_range(fa, n, n);
}

void failing_alloc_fail_from(struct failing_alloc *fa, size_t n) {
  set_range(fa, n, SIZE_MAX);
}

void failing_alloc_fail_as(struct failing_alloc *fa, struct failure failure) {
  set_range(fa, failure.n, failure.once ? failure.n : SIZE_MAX);
}

size_t failing_alloc_torture(scenario_fn play, const void *row, int once, size_t step) {
  struct failure failure = {1, once};
  while (play(row, failure))
    failure.n += step;
  return failure.n;
}

int failing_alloc_has_failed(const struct failing_alloc *fa) {
  return fa->nfailed > 0;
}

void failing_alloc_check_no_leaks(const struct failing_alloc *fa) {
  CHECK_SIZE(0, fa->noutstanding);
  CHECK_SIZE(0, fa->outstanding_size);
}
