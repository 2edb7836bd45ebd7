/* covers: DEM.4 DEM.5 */
#include "cat/line_editor.h"

#include <stdio.h>
#include <string.h>

#include "cat/characters.h"
#include "support/check.h"
#include "wsuv/frame.h"

#define UP    "\033[A"
#define DOWN  "\033[B"
#define RIGHT "\033[C"
#define LEFT  "\033[D"

/* Types the keys and wants no event but NOTHING until the last one, which it returns. */
static line_editor_event_t type(line_editor_t *editor, const char *keys) {
  line_editor_event_t event = LINE_EDITOR_NOTHING;
  for (const char *key = keys; *key != '\0'; key++) {
    CHECK_INT(LINE_EDITOR_NOTHING, event);
    event = line_editor_feed(editor, (unsigned char)*key);
  }
  return event;
}

/* The line, with '|' where the cursor is. */
static void check_line(const line_editor_t *editor, const char *expected) {
  octets_t shown = {0};
  octets_append(&shown, editor->text.data, editor->text.len);
  octets_insert(&shown, editor->cursor, "|", 1);
  CHECK_BYTES(expected, strlen(expected), shown.data, shown.len);
  octets_free(&shown);
}

static void check_rendered(const line_editor_t *editor, size_t columns, const char *expected) {
  octets_t out = {0};
  line_editor_render(editor, "> ", columns, &out);
  CHECK_BYTES(expected, strlen(expected), out.data, out.len);
  octets_free(&out);
}

/* ---- editing ---- */

struct edit_row {
  const char *name;
  const char *keys;
  const char *line;
};

static const struct edit_row edits[] = {
    {"plain text", "abc", "abc|"},
    {"backspace", "abc\177", "ab|"},
    {"Ctrl-H", "abc\b", "ab|"},
    {"backspace at the start", "a\177\177\177", "|"},
    {"left and insert", "ac" LEFT "b", "ab|c"},
    {"left at the start, right at the end", "a" LEFT LEFT RIGHT RIGHT "b", "ab|"},
    {"application mode arrows", "ac\033ODb\033OC", "abc|"},
    {"Ctrl-B and Ctrl-F", "ac\002b\006d", "abcd|"},
    {"Ctrl-A and Ctrl-E", "bc\001a\005d", "abcd|"},
    {"Home and End", "bc\033[Ha\033[Fd", "abcd|"},
    {"Home and End by number", "bc\033[1~a\033[4~d\033[7~0\033[8~", "0abcd|"},
    {"Delete", "abc\001\033[3~", "|bc"},
    {"Ctrl-D deletes where the line is not empty", "abc\001\004", "|bc"},
    {"Delete at the end", "abc\033[3~", "abc|"},
    {"Ctrl-K", "abcd" LEFT LEFT "\013", "ab|"},
    {"Ctrl-U", "abcd" LEFT LEFT "\025", "|cd"},
    {"Ctrl-W", "one two  \027", "one |"},
    {"Ctrl-W twice", "one two\027\027", "|"},
    {"Ctrl-W in a word", "one twoo" LEFT "\027", "one |o"},
    {"Alt-Backspace", "one two\033\177", "one |"},
    {"Ctrl-Y", "one two\027\031\031", "one twotwo|"},
    {"Ctrl-Y with nothing killed", "a\031", "a|"},
    {"nothing killed keeps what was", "ab\025\025\031", "ab|"},
    {"words by Ctrl-arrows", "one two\033[1;5D1\033[1;5D2\033[1;5C3", "one 21two3|"},
    {"words by Alt", "one two\033b1\001\033f2\033d", "one2|"},
    {"characters of two, three and four octets", "\303\244\342\202\254\360\237\230\200\177",
     "\303\244\342\202\254|"},
    {"left over a character of three octets", "a\342\202\254b" LEFT LEFT "c", "ac|\342\202\254b"},
    {"Delete of a character of two octets", "\303\244b\001\033[3~", "|b"},
    {"tab", "a\tb", "a\tb|"},
    {"other controls do nothing", "a\007\024\034\037b", "ab|"},
    {"unknown sequences do nothing", "a\033[15~\033[5~\033[2~\033[200~\033[Z\033OPb\033xc", "abc|"},
    {"a sequence with endless parameters", "a\033[1;2;3;4;5;6;7;8;9;10;11;12yb", "ab|"},
    {"a sequence that begins anew", "ab\033[\033[Dc", "ac|b"},
    {"octets that are no UTF-8", "a\377\300\200b\303(c\342\202d\355\240\200\364\220\200\200",
     "ab(cd|"},
    {"C1 controls", "a\302\233b\302\240", "ab\302\240|"},
    {"a control ends a character that is not whole", "a\303\001b", "b|a"},
};

static void run_edit(const void *row) {
  const struct edit_row *edit = (const struct edit_row *)row;
  line_editor_t editor = {0};
  CHECK_INT(LINE_EDITOR_NOTHING, type(&editor, edit->keys));
  check_line(&editor, edit->line);
  line_editor_free(&editor);
}

/* ---- events ---- */

static void returns_and_controls_are_events(void **state) {
  line_editor_t editor = {0};
  (void)state;
  CHECK_INT(LINE_EDITOR_LINE, type(&editor, "one\r"));
  check_line(&editor, "one|");
  line_editor_next(&editor);
  CHECK_INT(LINE_EDITOR_NOTHING, type(&editor, "\n")); /* of CR LF */
  CHECK_INT(LINE_EDITOR_LINE, type(&editor, "\n"));
  check_line(&editor, "|");
  line_editor_next(&editor);
  CHECK_INT(LINE_EDITOR_LINE, type(&editor, "two" LEFT "\n"));
  line_editor_next(&editor);
  CHECK_INT(LINE_EDITOR_INTERRUPT, type(&editor, "a\003"));
  CHECK_INT(LINE_EDITOR_SUSPEND, type(&editor, "\032"));
  CHECK_INT(LINE_EDITOR_CLEAR, type(&editor, "\014"));
  check_line(&editor, "a|");
  CHECK_INT(LINE_EDITOR_END, type(&editor, "\177\004"));
  line_editor_free(&editor);
}

static void a_full_line_takes_no_more(void **state) {
  line_editor_t editor = {0};
  (void)state;
  for (size_t i = 0; i + 1 < LINE_EDITOR_MAX; i++)
    (void)line_editor_feed(&editor, 'x');
  CHECK_INT(LINE_EDITOR_REFUSED, type(&editor, "\303\244"));
  CHECK_SIZE(LINE_EDITOR_MAX - 1, editor.text.len);
  CHECK_INT(LINE_EDITOR_NOTHING, type(&editor, "y"));
  CHECK_INT(LINE_EDITOR_REFUSED, type(&editor, "y"));
  CHECK_INT(LINE_EDITOR_NOTHING, type(&editor, "\177y"));
  CHECK_SIZE(LINE_EDITOR_MAX, editor.text.len);
  line_editor_free(&editor);
}

/* ---- history ---- */

static void enter(line_editor_t *editor, const char *line) {
  CHECK_INT(LINE_EDITOR_NOTHING, type(editor, line));
  CHECK_INT(LINE_EDITOR_LINE, type(editor, "\n"));
  line_editor_next(editor);
}

static void former_lines_come_back(void **state) {
  line_editor_t editor = {0};
  (void)state;
  type(&editor, UP DOWN);
  check_line(&editor, "|");
  enter(&editor, "one");
  enter(&editor, "two");
  enter(&editor, "two");
  enter(&editor, "");
  type(&editor, "new" UP);
  check_line(&editor, "two|");
  type(&editor, "\020"); /* Ctrl-P */
  check_line(&editor, "one|");
  type(&editor, UP UP);
  check_line(&editor, "one|");
  type(&editor, "!");
  type(&editor, "\016"); /* Ctrl-N */
  check_line(&editor, "two|");
  type(&editor, DOWN);
  check_line(&editor, "new|");
  type(&editor, DOWN DOWN);
  check_line(&editor, "new|");
  enter(&editor, UP UP "!");
  type(&editor, UP);
  check_line(&editor, "one!|");
  type(&editor, UP UP);
  check_line(&editor, "one|"); /* as it was entered */
  line_editor_free(&editor);
}

static void the_oldest_line_is_forgotten(void **state) {
  line_editor_t editor = {0};
  char line[16];
  (void)state;
  for (int i = 0; i <= LINE_HISTORY_MAX; i++) {
    snprintf(line, sizeof line, "%d", i);
    enter(&editor, line);
  }
  for (int i = 0; i < 2 * LINE_HISTORY_MAX; i++)
    type(&editor, UP);
  check_line(&editor, "1|");
  line_editor_free(&editor);
}

/* ---- the screen ---- */

static void the_line_is_shown_with_its_cursor(void **state) {
  line_editor_t editor = {0};
  (void)state;
  check_rendered(&editor, 80, "\r> \033[K\r\033[2C");
  type(&editor, "a\303\244b");
  check_rendered(&editor, 80, "\r> a\303\244b\033[K\r\033[5C");
  type(&editor, LEFT LEFT);
  check_rendered(&editor, 80, "\r> a\303\244b\033[K\r\033[3C");
  line_editor_free(&editor);
}

static void columns_are_those_of_the_terminal(void **state) {
  line_editor_t editor = {0};
  (void)state;
  type(&editor, "\346\274\242\033[D\033[C"); /* two columns */
  check_rendered(&editor, 80, "\r> \346\274\242\033[K\r\033[4C");
  type(&editor, "e\314\201"); /* a combining accent: none */
  check_rendered(&editor, 80, "\r> \346\274\242e\314\201\033[K\r\033[5C");
  type(&editor, "\t\342\200\256"); /* a control, and one that reverses text */
  check_rendered(&editor, 80, "\r> \346\274\242e\314\201^I^?\033[K\r\033[9C");
  line_editor_free(&editor);
}

static void a_long_line_is_shown_around_the_cursor(void **state) {
  line_editor_t editor = {0};
  (void)state;
  type(&editor, "abcdefghijklmnopqrst");
  check_rendered(&editor, 15, "\r> ijklmnopqrst\033[K\r\033[14C");
  type(&editor, LEFT LEFT LEFT LEFT LEFT);
  check_rendered(&editor, 15, "\r> ghijklmnopqr\033[K\r\033[11C");
  type(&editor, "\001");
  check_rendered(&editor, 15, "\r> abcdefghijkl\033[K\r\033[2C");
  check_rendered(&editor, 1, "\r> abcdefgh\033[K\r\033[2C");
  line_editor_free(&editor);
}

/* ---- any keys ---- */

/* Columns that the shown text takes. */
static size_t shown_width(const octets_t *out) {
  size_t width = 0;
  size_t at = 1;
  while (out->data[at] != '\033') {
    size_t len = character_len((unsigned char)out->data[at]);
    uint32_t character = character_decode(out->data + at, len);
    CHECK_FALSE(character_is_control(character));
    width += character_width(character);
    at += len;
  }
  return width;
}

static int begins_character(const line_editor_t *editor) {
  return editor->cursor == editor->text.len ||
         ((unsigned char)editor->text.data[editor->cursor] & 0xC0) != 0x80;
}

static void any_octets_leave_a_valid_line(void **state) {
  static const char *const favourites[] = {UP, DOWN, LEFT, RIGHT, "\033[3~", "\342\202\254", "\r"};
  line_editor_t editor = {0};
  uint32_t seed = 20250101;
  (void)state;
  for (int round = 0; round < 20000; round++) {
    seed = seed * 1664525 + 1013904223;
    char octet[2] = {(char)(seed >> 24), '\0'};
    const char *keys = seed >> 16 & 1 ? octet : favourites[(seed >> 8) % 7];
    for (const char *key = keys; *key != '\0'; key++)
      if (line_editor_feed(&editor, (unsigned char)*key) == LINE_EDITOR_LINE)
        line_editor_next(&editor);
    octets_t out = {0};
    size_t columns = 11 + (size_t)(round % 40);
    CHECK_TRUE(wsuv_utf8_is_valid(editor.text.data, editor.text.len));
    CHECK_TRUE(editor.cursor <= editor.text.len && begins_character(&editor));
    line_editor_render(&editor, "> ", columns, &out);
    CHECK_TRUE(shown_width(&out) < columns);
    octets_free(&out);
  }
  line_editor_free(&editor);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returns_and_controls_are_events),
      cmocka_unit_test(a_full_line_takes_no_more),
      cmocka_unit_test(former_lines_come_back),
      cmocka_unit_test(the_oldest_line_is_forgotten),
      cmocka_unit_test(the_line_is_shown_with_its_cursor),
      cmocka_unit_test(columns_are_those_of_the_terminal),
      cmocka_unit_test(a_long_line_is_shown_around_the_cursor),
      cmocka_unit_test(any_octets_leave_a_valid_line),
  };
  int failed = CHECK_RUN_TABLE("editing", edits, run_edit);
  return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
