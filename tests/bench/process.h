/* What Linux knows of a process that is measured, clocks, and limits of our own. */
#ifndef WSUV_BENCH_PROCESS_H
#define WSUV_BENCH_PROCESS_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ns(void);

/* Nanoseconds on the CPU of this process. */
uint64_t own_cpu_ns(void);

/* Nanoseconds on the CPU, user and system, of all threads and child processes at present. 0 for the process 0: none. */
uint64_t process_cpu_ns(long pid);

/* Octets of resident memory, its child processes' too; 0 for the process 0. */
uint64_t process_memory(long pid);

/* Whether PATH has such a program. */
int program_is_there(const char *name);

/* As many descriptors as we may have. Returns their number. */
uint64_t raise_file_limit(void);

/* Sorts, and returns that percentile; 0 of none. */
double percentile(uint32_t *samples, size_t n, unsigned int percent);

/* Says what, and errno's text where that is not 0; ends the program. */
_Noreturn void die(const char *what);

/* The same with a text of its own and without errno's. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails with that text unless the condition holds. */
void must(int condition, const char *what);

/* Zeroed, or the program ends. */
void *allocate(size_t size);

#endif
