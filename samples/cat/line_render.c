/* How the line that is edited looks (line_editor.h). */
#include <stdio.h>
#include <string.h>

#include "cat/characters.h"
#include "cat/line_editor.h"

static size_t len_at(const octets_t *text, size_t at) {
  return character_len((unsigned char)text->data[at]);
}

/* Controls are shown as two columns, such as ^I. */
static size_t width_at(const octets_t *text, size_t at) {
  uint32_t character = character_decode(text->data + at, len_at(text, at));
  return character_is_control(character) ? 2 : character_width(character);
}

/* Columns from `from` on, counted up to `enough`. */
static size_t width_behind(const octets_t *text, size_t from, size_t enough) {
  size_t width = 0;
  for (; from < text->len && width < enough; from += len_at(text, from))
    width += width_at(text, from);
  return width < enough ? width : enough;
}

/* Where the shown part begins, so that the cursor and some of what follows it fit in `room`; `before` becomes the columns
 * from there to the cursor. */
static size_t find_start(const line_editor_t *editor, size_t room, size_t *before) {
  const octets_t *text = &editor->text;
  size_t most = room - width_behind(text, editor->cursor, room / 4);
  size_t start = editor->cursor;
  *before = 0;
  while (start > 0) {
    size_t previous = start - 1;
    while (previous > 0 && ((unsigned char)text->data[previous] & 0xC0) == 0x80)
      previous--;
    size_t width = width_at(text, previous);
    if (*before + width > most)
      break;
    *before += width;
    start = previous;
  }
  return start;
}

static void append_character(octets_t *out, const octets_t *text, size_t at) {
  uint32_t character = character_decode(text->data + at, len_at(text, at));
  if (!character_is_control(character))
    octets_append(out, text->data + at, len_at(text, at));
  else {
    char shown[2] = {'^', character < 0x20 ? (char)(character + 0x40) : '?'};
    octets_append(out, shown, sizeof shown);
  }
}

void line_editor_render(const line_editor_t *editor, const char *prompt, size_t columns,
                        octets_t *out) {
  enum { NARROWEST = 8 };
  const octets_t *text = &editor->text;
  size_t prompt_len = strlen(prompt);
  size_t room = columns > prompt_len + NARROWEST ? columns - prompt_len - 1 : NARROWEST;
  size_t before, width = 0;
  size_t at = find_start(editor, room, &before);

  octets_append_text(out, "\r");
  octets_append_text(out, prompt);
  for (; at < text->len; at += len_at(text, at)) {
    width += width_at(text, at);
    if (width > room)
      break;
    append_character(out, text, at);
  }
  char place[32];
  snprintf(place, sizeof place, "\033[K\r\033[%zuC", prompt_len + before);
  octets_append_text(out, place);
}
