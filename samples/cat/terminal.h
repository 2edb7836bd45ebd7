/* A conversation on a terminal: the line that is edited stays below what is printed. */
#ifndef SAMPLES_CAT_TERMINAL_H
#define SAMPLES_CAT_TERMINAL_H

#include "byte_reader.h"
#include "cat/line_editor.h"
#include "cat/output.h"

typedef struct terminal terminal_t;

/* Zeroed, it is one that ended. */
struct terminal {
  void *data; /* the user's */

  /* One line, without its end; valid until it returns. */
  void (*on_line)(terminal_t *terminal, const char *line, size_t len);

  /* Ctrl-D, or the terminal is gone: status as in byte_reader.h. */
  void (*on_end)(terminal_t *terminal, int status);

  /* Ctrl-C */
  void (*on_interrupt)(terminal_t *terminal);

  /* The rest is the terminal's. */
  output_t *output;
  byte_reader_t reader;
  uv_signal_t resized;
  line_editor_t editor;
  size_t columns;
  int running;
  int hidden;  /* the line is not on the screen: something is printed in its place */
  int refused; /* it was said that the line is full */
};

/* Non-zero if standard input and output are a terminal that lines can be edited on. */
int terminal_is_usable(void);

/* Switches the terminal to raw mode and shows an empty line. `output` is to standard output. 0 or an error of libuv;
 * terminal_close is due in any case. */
int terminal_start(terminal_t *terminal, uv_loop_t *loop, output_t *output);

/* Around what is appended to output->text: takes the line away; shows it again below, and flushes. Harmless when
 * repeated, and when the terminal was not started or ended. */
void terminal_hide(terminal_t *terminal);
void terminal_show(terminal_t *terminal);

/* Non-zero from terminal_start on, also after the end. */
int terminal_was_started(const terminal_t *terminal);

/* Prints lines of the program's own, above the line that is edited. The terminal was started. */
void terminal_note(terminal_t *terminal, const char *text);

/* Stops and goes on taking keys. */
void terminal_pause(terminal_t *terminal);
void terminal_resume(terminal_t *terminal);

/* Takes the line away and gives the terminal back as it was. No callback comes any more. Harmless when repeated. */
void terminal_close(terminal_t *terminal);

/* When the loop ran to its end. */
void terminal_free(terminal_t *terminal);

#endif
