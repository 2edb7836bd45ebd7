/* An allocator of the library's that counts octets. */
#ifndef WSUV_BENCH_COUNTING_MEMORY_H
#define WSUV_BENCH_COUNTING_MEMORY_H

#include <stddef.h>
#include <wsuv/protocol.h>

/* `total` is what is allocated at present. */
wsuv_allocator_t counting_memory(size_t *total);

#endif
