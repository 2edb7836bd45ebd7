/* Lines from a file descriptor on a libuv loop, whatever the descriptor is: terminal, pipe, socket or file. */
#ifndef SAMPLES_LINE_READER_H
#define SAMPLES_LINE_READER_H

#include "byte_reader.h"

/* A line is at most this long; a longer one ends the input with UV_E2BIG. */
enum { LINE_READER_MAX = 16 * 1024 * 1024 };

typedef struct line_reader line_reader_t;

/* Zeroed, it is one that ended. */
struct line_reader {
  void *data; /* the user's */

  /* One line, without its end; valid until it returns. */
  void (*on_line)(line_reader_t *reader, const char *line, size_t len);

  /* No more lines: `status` is 0 at the end of the input, else why it could not be read. */
  void (*on_end)(line_reader_t *reader, int status);

  /* The rest is the reader's. */
  byte_reader_t input;
  int delivering; /* inside on_line: the text stays */
  char *text;     /* a line whose end has not come: text_len of text_size */
  size_t text_len, text_size;
};

/* Starts paused. 0 or an error of libuv; line_reader_close is due in any case. */
int line_reader_init(line_reader_t *reader, uv_loop_t *loop, int fd,
                     void (*on_line)(line_reader_t *reader, const char *line, size_t len),
                     void (*on_end)(line_reader_t *reader, int status));

/* Harmless when repeated and after the end. After pause the lines that were read already still come. */
void line_reader_resume(line_reader_t *reader);
void line_reader_pause(line_reader_t *reader);

/* No callback comes any more. The struct must stay until the loop ran to its end. Harmless when repeated. */
void line_reader_close(line_reader_t *reader);

#endif
