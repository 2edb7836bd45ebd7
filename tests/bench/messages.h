/* What a load sends: messages made up or read from a file, the same for the same arguments. */
#ifndef WSUV_BENCH_MESSAGES_H
#define WSUV_BENCH_MESSAGES_H

#include <stddef.h>

typedef enum message_kind { KIND_BINARY, KIND_ASCII, KIND_UNICODE, KIND_JSON } message_kind_t;

typedef struct message {
  const unsigned char *payload;
  size_t len;
} message_t;

typedef struct messages {
  message_t *list;
  size_t n;
  int is_text;
} messages_t;

/* "binary", "ascii", "unicode" or "json" into `kind`; 0 for anything else. */
int messages_kind(const char *name, message_kind_t *kind);

/* `n` messages of `len` octets, each of them different. */
void messages_make(messages_t *messages, message_kind_t kind, size_t n, size_t len);

/* The lines of a file; ends the program where there are none. */
void messages_read(messages_t *messages, const char *path);

#endif
