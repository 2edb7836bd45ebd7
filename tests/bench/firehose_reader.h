/* What the client of bench_firehose_server that is sent to without end makes of it: frames, their order, and whether they are
 * what the policy promises. */
#ifndef WSUV_BENCH_FIREHOSE_READER_H
#define WSUV_BENCH_FIREHOSE_READER_H

#include <stdint.h>

/* What the server says of the messages to a reader. */
typedef struct firehose_report {
  uint64_t sent; /* all, dropped and refused ones too */
  uint64_t oldest;
  uint64_t replaced;
  uint64_t refused;
  uint64_t closed;
} firehose_report_t;

/* Whether there is such a policy. */
int firehose_reader_knows(const char *policy);

/* A new one, of the messages that `policy` lets through. There is one at a time. */
void firehose_reader_start(const char *policy);

/* Reads once from a socket; 0: the server closed, or there is nothing more. Ends the program for what is out of order. */
int firehose_reader_read(int fd);

/* How many messages came. Ends the program where they are not what the report says. */
uint64_t firehose_reader_judge(const firehose_report_t *told);

#endif
