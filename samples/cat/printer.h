/* Messages as they are shown or written: pieces in, octets for standard output out. */
#ifndef SAMPLES_CAT_PRINTER_H
#define SAMPLES_CAT_PRINTER_H

#include <stdint.h>
#include <wsuv.h>

#include "cat/octets.h"

/* For a terminal the octets of binary messages are shown in hexadecimal, up to so many a message. */
enum { PRINTER_DUMP_MAX = 4096 };

/* Zeroed but for the first three: text as lines, binary as it is. */
typedef struct printer {
  int escape;         /* controls in text are shown, not sent: \x1b, \u009b */
  int dump;           /* binary as a hexdump */
  const char *margin; /* NULL, or what stands before each line */

  /* The rest is the printer's. */
  char character[4]; /* one that is cut between two pieces: `npending` octets */
  size_t npending;
  unsigned char row[16]; /* of a hexdump, as far as it came */
  uint64_t total;        /* octets of the message up to here */
} printer_t;

/* Appends to `out` what a piece of a message makes; as on_fragment has it. */
void printer_take(printer_t *printer, wsuv_opcode_t type, const void *payload, size_t len,
                  int flags, octets_t *out);

#endif
