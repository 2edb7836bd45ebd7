#include "cat/line_editor.h"

#include <string.h>

#include "cat/characters.h"

enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_CSI, ESCAPE_SS3 };

enum { FORWARD = 1, BACKWARD = -1 };

enum { KEY_ESCAPE = 0x1B, KEY_DELETE = 0x7F };

#define CTRL(letter) ((letter)-0x40)

static int is_inside_character(char octet) {
  return ((unsigned char)octet & 0xC0) == 0x80;
}

/* ---- places in the line ---- */

static size_t step_from(const octets_t *text, size_t at, int direction) {
  if (direction == BACKWARD ? at == 0 : at == text->len)
    return at;
  do
    at = direction == BACKWARD ? at - 1 : at + 1;
  while (at < text->len && is_inside_character(text->data[at]));
  return at;
}

static int is_space_beside(const octets_t *text, size_t at, int direction) {
  return text->data[direction == BACKWARD ? at - 1 : at] == ' ';
}

static int is_at_end(const octets_t *text, size_t at, int direction) {
  return at == (direction == BACKWARD ? 0 : text->len);
}

/* Over spaces, then over what is no space. */
static size_t word_from(const octets_t *text, size_t at, int direction) {
  while (!is_at_end(text, at, direction) && is_space_beside(text, at, direction))
    at = step_from(text, at, direction);
  while (!is_at_end(text, at, direction) && !is_space_beside(text, at, direction))
    at = step_from(text, at, direction);
  return at;
}

/* ---- changes ---- */

static void cut(line_editor_t *editor, size_t from, size_t to) {
  octets_remove(&editor->text, from, to - from);
  editor->cursor = from;
}

static void kill_text(line_editor_t *editor, size_t from, size_t to) {
  if (from == to)
    return;
  octets_clear(&editor->killed);
  octets_append(&editor->killed, editor->text.data + from, to - from);
  cut(editor, from, to);
}

static line_editor_event_t insert(line_editor_t *editor, const void *data, size_t len) {
  size_t before = editor->text.len;
  if (len == 0)
    return LINE_EDITOR_NOTHING;
  if (before + len > LINE_EDITOR_MAX)
    return LINE_EDITOR_REFUSED;
  octets_insert(&editor->text, editor->cursor, data, len);
  if (editor->text.len == before)
    return LINE_EDITOR_REFUSED;
  editor->cursor += len;
  return LINE_EDITOR_NOTHING;
}

static void recall(line_editor_t *editor, int step) {
  if (line_history_move(&editor->history, step, &editor->text))
    editor->cursor = editor->text.len;
}

static void delete_next(line_editor_t *editor) {
  cut(editor, editor->cursor, step_from(&editor->text, editor->cursor, FORWARD));
}

static void delete_previous(line_editor_t *editor) {
  cut(editor, step_from(&editor->text, editor->cursor, BACKWARD), editor->cursor);
}

/* ---- keys ---- */

static void kill_by(line_editor_t *editor, unsigned char key) {
  size_t cursor = editor->cursor;
  if (key == CTRL('K'))
    kill_text(editor, cursor, editor->text.len);
  else if (key == CTRL('U'))
    kill_text(editor, 0, cursor);
  else
    kill_text(editor, word_from(&editor->text, cursor, BACKWARD), cursor);
}

static void move_by(line_editor_t *editor, unsigned char key) {
  if (key == CTRL('A'))
    editor->cursor = 0;
  else if (key == CTRL('E'))
    editor->cursor = editor->text.len;
  else
    editor->cursor =
        step_from(&editor->text, editor->cursor, key == CTRL('B') ? BACKWARD : FORWARD);
}

static line_editor_event_t end_or_delete(line_editor_t *editor) {
  if (editor->text.len == 0)
    return LINE_EDITOR_END;
  delete_next(editor);
  return LINE_EDITOR_NOTHING;
}

/* Keys that edit; others do nothing. */
static line_editor_event_t edit_by(line_editor_t *editor, unsigned char key) {
  switch (key) {
  case CTRL('A'):
  case CTRL('E'):
  case CTRL('B'):
  case CTRL('F'):
    move_by(editor, key);
    break;
  case CTRL('K'):
  case CTRL('U'):
  case CTRL('W'):
    kill_by(editor, key);
    break;
  case CTRL('Y'):
    return insert(editor, editor->killed.data, editor->killed.len);
  case CTRL('P'):
    recall(editor, BACKWARD);
    break;
  case CTRL('N'):
    recall(editor, FORWARD);
    break;
  case CTRL('H'):
  case KEY_DELETE:
    delete_previous(editor);
    break;
  case '\t':
    return insert(editor, "\t", 1);
  default:
    break;
  }
  return LINE_EDITOR_NOTHING;
}

static line_editor_event_t take_control(line_editor_t *editor, unsigned char key) {
  switch (key) {
  case '\r':
    editor->after_return = 1;
    return LINE_EDITOR_LINE;
  case '\n':
    return LINE_EDITOR_LINE;
  case CTRL('C'):
    return LINE_EDITOR_INTERRUPT;
  case CTRL('D'):
    return end_or_delete(editor);
  case CTRL('L'):
    return LINE_EDITOR_CLEAR;
  case CTRL('Z'):
    return LINE_EDITOR_SUSPEND;
  case KEY_ESCAPE:
    editor->escape = ESCAPE_BEGUN;
    return LINE_EDITOR_NOTHING;
  default:
    return edit_by(editor, key);
  }
}

/* Keys such as 3~ as the letters that others have; 'x' is Delete. */
static char name_numbered_key(const char *parameters) {
  static const char keys[] = "1H3x4F7H8F";
  if (parameters[0] == '\0' || (parameters[1] != '\0' && parameters[1] != ';'))
    return '~';
  for (const char *key = keys; *key != '\0'; key += 2)
    if (*key == parameters[0])
      return key[1];
  return '~';
}

/* The last octet of a key's sequence; "5" behind a semicolon means that Ctrl is held. */
static void take_final(line_editor_t *editor, char final) {
  const char *parameters = editor->parameters;
  const char *held = strchr(parameters, ';');
  int by_word = held != NULL && held[1] == '5';
  if (final == '~')
    final = name_numbered_key(parameters);
  switch (final) {
  case 'A':
  case 'B':
    recall(editor, final == 'A' ? BACKWARD : FORWARD);
    break;
  case 'C':
  case 'D': {
    int direction = final == 'C' ? FORWARD : BACKWARD;
    editor->cursor = by_word ? word_from(&editor->text, editor->cursor, direction)
                             : step_from(&editor->text, editor->cursor, direction);
    break;
  }
  case 'H':
  case 'F':
    editor->cursor = final == 'H' ? 0 : editor->text.len;
    break;
  case 'x':
    delete_next(editor);
    break;
  default:
    break;
  }
}

static void take_alt(line_editor_t *editor, unsigned char key) {
  if (key == 'b')
    editor->cursor = word_from(&editor->text, editor->cursor, BACKWARD);
  else if (key == 'f')
    editor->cursor = word_from(&editor->text, editor->cursor, FORWARD);
  else if (key == 'd')
    kill_text(editor, editor->cursor, word_from(&editor->text, editor->cursor, FORWARD));
  else if (key == KEY_DELETE)
    kill_by(editor, CTRL('W'));
}

static void take_escape(line_editor_t *editor, unsigned char octet) {
  if (octet == KEY_ESCAPE) {
    editor->escape = ESCAPE_BEGUN;
    return;
  }
  int state = editor->escape;
  editor->escape = ESCAPE_NONE;
  if (state == ESCAPE_BEGUN && (octet == '[' || octet == 'O')) {
    editor->escape = octet == '[' ? ESCAPE_CSI : ESCAPE_SS3;
    editor->nparameters = 0;
    memset(editor->parameters, 0, sizeof editor->parameters);
  } else if (state == ESCAPE_BEGUN)
    take_alt(editor, octet);
  else if (state == ESCAPE_CSI && octet >= 0x20 && octet < 0x40) {
    editor->escape = ESCAPE_CSI;
    if (editor->nparameters < sizeof editor->parameters - 1)
      editor->parameters[editor->nparameters++] = (char)octet;
  } else
    take_final(editor, (char)octet);
}

/* Octets that are not UTF-8 are dropped, and so are the controls U+0080 to U+009F. */
static line_editor_event_t take_text(line_editor_t *editor, unsigned char octet) {
  unsigned char *character = editor->character;
  if (editor->npending > 0 && !character_goes_on(character[0], editor->npending, octet))
    editor->npending = 0;
  character[editor->npending++] = octet;
  size_t len = character_len(character[0]);
  if (editor->npending < len)
    return LINE_EDITOR_NOTHING;
  editor->npending = 0;
  if (len == 0 || (character[0] == 0xC2 && octet < 0xA0))
    return LINE_EDITOR_NOTHING;
  return insert(editor, character, len);
}

line_editor_event_t line_editor_feed(line_editor_t *editor, unsigned char octet) {
  int after_return = editor->after_return;
  editor->after_return = 0;
  if (after_return && octet == '\n')
    return LINE_EDITOR_NOTHING;
  if (editor->escape != ESCAPE_NONE) {
    take_escape(editor, octet);
    return LINE_EDITOR_NOTHING;
  }
  if (octet >= 0x20 && octet != KEY_DELETE)
    return take_text(editor, octet);
  editor->npending = 0;
  return take_control(editor, octet);
}

void line_editor_next(line_editor_t *editor) {
  line_history_add(&editor->history, &editor->text);
  octets_clear(&editor->text);
  editor->cursor = 0;
}

void line_editor_free(line_editor_t *editor) {
  octets_free(&editor->text);
  octets_free(&editor->killed);
  line_history_free(&editor->history);
}
