/* How many threads are worth it. */
#ifndef WSUV_IO_PROCESSORS_H
#define WSUV_IO_PROCESSORS_H

/* Processors that the process may use, or that there are; at least 1. */
int wsuv__processors_count(void);

#endif
