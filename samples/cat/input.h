/* Standard input as messages: lines, reads, blocks or one whole. */
#ifndef SAMPLES_CAT_INPUT_H
#define SAMPLES_CAT_INPUT_H

#include "cat/octets.h"
#include "line_reader.h"

enum { INPUT_BLOCK_MAX = 16 * 1024 * 1024 };

typedef enum input_form {
  INPUT_LINES,  /* each line is a message */
  INPUT_READS,  /* what a read brings */
  INPUT_BLOCKS, /* `block_size` octets; the last one may be shorter */
  INPUT_WHOLE   /* all is one message, in pieces */
} input_form_t;

typedef struct input input_t;

/* Zeroed, it is one that ended. */
struct input {
  void *data; /* the user's */

  /* A message or, of a whole input, a piece of it; flags as in on_fragment. Valid until it returns. */
  void (*on_piece)(input_t *input, const char *piece, size_t len, int flags);

  /* The end; status as in byte_reader.h. */
  void (*on_end)(input_t *input, int status);

  /* The rest is the input's. */
  input_form_t form;
  size_t block_size;
  octets_t block;
  int begun; /* the first piece of a whole input was delivered */
  int ended;
  union {
    line_reader_t lines;
    byte_reader_t bytes;
  } reader;
};

/* Starts paused. 0 or an error of libuv; input_close is due in any case. */
int input_init(input_t *input, uv_loop_t *loop, int fd, input_form_t form, size_t block_size);

/* Harmless when repeated and after the end. */
void input_resume(input_t *input);
void input_pause(input_t *input);
void input_close(input_t *input);

/* When the loop ran to its end. */
void input_free(input_t *input);

#endif
