/* The lines that were entered, newest last, and a place among them. */
#ifndef SAMPLES_CAT_LINE_HISTORY_H
#define SAMPLES_CAT_LINE_HISTORY_H

#include "cat/octets.h"

enum { LINE_HISTORY_MAX = 200 };

/* Zeroed, it is empty. */
typedef struct line_history {
  octets_t lines[LINE_HISTORY_MAX];
  size_t nlines;
  size_t at;      /* the line that is shown; nlines: the new one */
  octets_t draft; /* the new one, while an older one is shown */
} line_history_t;

/* Empty lines and a repetition of the newest are not kept; the oldest goes when there is no room. */
void line_history_add(line_history_t *history, const octets_t *line);

/* Puts the line before (`step` -1) or after (1) the shown one into `line`; 0 where there is none. */
int line_history_move(line_history_t *history, int step, octets_t *line);

void line_history_free(line_history_t *history);

#endif
