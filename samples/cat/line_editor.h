/* Editing of one line at a time: octets of keys in, lines and screen text out. Does no input or output. */
#ifndef SAMPLES_CAT_LINE_EDITOR_H
#define SAMPLES_CAT_LINE_EDITOR_H

#include "cat/line_history.h"
#include "cat/octets.h"

/* A line is at most so many octets long. */
enum { LINE_EDITOR_MAX = 1024 * 1024 };

typedef enum line_editor_event {
  LINE_EDITOR_NOTHING,   /* but the line may look different */
  LINE_EDITOR_LINE,      /* Return: the line is `text`; line_editor_next is due */
  LINE_EDITOR_END,       /* Ctrl-D where the line is empty */
  LINE_EDITOR_INTERRUPT, /* Ctrl-C */
  LINE_EDITOR_SUSPEND,   /* Ctrl-Z */
  LINE_EDITOR_CLEAR,     /* Ctrl-L */
  LINE_EDITOR_REFUSED    /* the line is full, or there is no memory: the character was not taken */
} line_editor_event_t;

/* Zeroed, it is an empty line without a history. */
typedef struct line_editor {
  octets_t text;
  size_t cursor; /* octets before it; always between characters */
  octets_t killed;
  line_history_t history;

  /* The rest is the editor's. */
  unsigned char character[4]; /* one that is not whole yet: `npending` octets */
  size_t npending;
  int escape;         /* inside a key's escape sequence: what is expected next */
  char parameters[8]; /* of the sequence, the first `nparameters` octets */
  size_t nparameters;
  int after_return; /* the next octet may be the LF of a CR LF */
} line_editor_t;

/* One octet from the terminal. */
line_editor_event_t line_editor_feed(line_editor_t *editor, unsigned char octet);

/* After LINE_EDITOR_LINE: the line goes to the history, a new one begins. */
void line_editor_next(line_editor_t *editor);

/* Appends to `out` what shows `prompt` and the line on one row of `columns`, the part around the cursor where it does not
 * fit, and leaves the terminal's cursor where the editor's is. */
void line_editor_render(const line_editor_t *editor, const char *prompt, size_t columns,
                        octets_t *out);

void line_editor_free(line_editor_t *editor);

#endif
