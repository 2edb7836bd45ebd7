#include "cat/line_history.h"

#include <string.h>

static int is_newest(const line_history_t *history, const octets_t *line) {
  if (history->nlines == 0)
    return 0;
  const octets_t *newest = &history->lines[history->nlines - 1];
  return newest->len == line->len && memcmp(newest->data, line->data, line->len) == 0;
}

void line_history_add(line_history_t *history, const octets_t *line) {
  octets_t copy = {0};
  octets_clear(&history->draft);
  if (line->len > 0 && !is_newest(history, line))
    octets_append(&copy, line->data, line->len);
  if (copy.len > 0) {
    if (history->nlines == LINE_HISTORY_MAX) {
      octets_free(&history->lines[0]);
      memmove(history->lines, history->lines + 1, (LINE_HISTORY_MAX - 1) * sizeof copy);
      history->nlines--;
    }
    history->lines[history->nlines++] = copy;
  }
  history->at = history->nlines;
}

static void assign(octets_t *to, const octets_t *from) {
  octets_clear(to);
  octets_append(to, from->data, from->len);
}

int line_history_move(line_history_t *history, int step, octets_t *line) {
  if (step < 0 ? history->at == 0 : history->at == history->nlines)
    return 0;
  if (history->at == history->nlines)
    assign(&history->draft, line);
  history->at = step < 0 ? history->at - 1 : history->at + 1;
  assign(line, history->at == history->nlines ? &history->draft : &history->lines[history->at]);
  return 1;
}

void line_history_free(line_history_t *history) {
  for (size_t i = 0; i < history->nlines; i++)
    octets_free(&history->lines[i]);
  octets_free(&history->draft);
  history->nlines = history->at = 0;
}
