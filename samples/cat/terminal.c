#include "cat/terminal.h"

#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <signal.h>
#include <unistd.h>
#endif

static const char prompt[] = "> ";

/* ---- signals that end the program without asking the loop ---- */

#if !defined(_WIN32)
static void restore_and_die(int number) {
  (void)uv_tty_reset_mode(); /* may be called here */
  (void)raise(number);       /* SA_RESETHAND: now it does what it does */
}

static void restore_at_signals(void) {
  static const int numbers[] = {SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = restore_and_die;
  action.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    (void)sigaction(numbers[i], &action, NULL);
}
#else
static void restore_at_signals(void) {
}
#endif

/* ---- the screen ---- */

static void draw(terminal_t *terminal) {
  if (!terminal->running || terminal->hidden)
    return;
  line_editor_render(&terminal->editor, prompt, terminal->columns, &terminal->output->text);
  output_flush(terminal->output);
}

void terminal_hide(terminal_t *terminal) {
  if (!terminal->running || terminal->hidden)
    return;
  terminal->hidden = 1;
  octets_append_text(&terminal->output->text, "\r\033[K");
}

void terminal_show(terminal_t *terminal) {
  if (!terminal->running)
    return;
  terminal->hidden = 0;
  draw(terminal);
}

int terminal_was_started(const terminal_t *terminal) {
  return terminal->output != NULL;
}

void terminal_note(terminal_t *terminal, const char *text) {
  int was_hidden = terminal->hidden;
  terminal_hide(terminal);
  octets_append_text(&terminal->output->text, text);
  output_flush(terminal->output);
  if (!was_hidden)
    terminal_show(terminal);
}

static void measure(terminal_t *terminal) {
  enum { USUAL = 80 };
  int columns = 0, rows = 0;
  int err = uv_tty_get_winsize(&terminal->reader.input.tty, &columns, &rows);
  terminal->columns = err == 0 && columns > 0 ? (size_t)columns : USUAL;
}

static void on_resized(uv_signal_t *handle, int number) {
  terminal_t *terminal = (terminal_t *)handle->data;
  (void)number;
  measure(terminal);
  draw(terminal);
}

/* ---- keys ---- */

/* The line stays on the screen as it was sent. */
static void finish_line(terminal_t *terminal) {
  line_editor_t *editor = &terminal->editor;
  int was_hidden = terminal->hidden;
  editor->cursor = editor->text.len;
  draw(terminal);
  if (!was_hidden)
    octets_append_text(&terminal->output->text, "\n");
  terminal->hidden = 1;
  terminal->refused = 0;
  terminal->on_line(terminal, editor->text.data != NULL ? editor->text.data : "", editor->text.len);
  line_editor_next(editor);
  if (!was_hidden)
    terminal_show(terminal);
}

static int set_raw(terminal_t *terminal) {
  return uv_tty_set_mode(&terminal->reader.input.tty, UV_TTY_MODE_RAW);
}

/* Until the shell continues it, when the terminal may have become another size. */
static void suspend(terminal_t *terminal) {
#if !defined(_WIN32)
  terminal_hide(terminal);
  output_flush(terminal->output);
  (void)uv_tty_set_mode(&terminal->reader.input.tty, UV_TTY_MODE_NORMAL);
  (void)kill(0, SIGTSTP);
  (void)set_raw(terminal);
  measure(terminal);
  terminal_show(terminal);
#else
  (void)terminal;
#endif
}

static void refuse(terminal_t *terminal) {
  if (terminal->refused)
    return;
  terminal->refused = 1;
  terminal_note(terminal, "the line is full: what follows is not taken into it\n");
}

static void take_key(terminal_t *terminal, unsigned char octet) {
  switch (line_editor_feed(&terminal->editor, octet)) {
  case LINE_EDITOR_LINE:
    finish_line(terminal);
    break;
  case LINE_EDITOR_END:
    terminal_close(terminal);
    terminal->on_end(terminal, 0);
    break;
  case LINE_EDITOR_INTERRUPT:
    terminal->on_interrupt(terminal);
    break;
  case LINE_EDITOR_SUSPEND:
    suspend(terminal);
    break;
  case LINE_EDITOR_CLEAR:
    octets_append_text(&terminal->output->text, "\033[H\033[2J");
    break;
  case LINE_EDITOR_REFUSED:
    refuse(terminal);
    break;
  case LINE_EDITOR_NOTHING:
    break;
  }
}

static void on_bytes(byte_reader_t *reader, const char *bytes, size_t len) {
  terminal_t *terminal = (terminal_t *)reader->data;
  for (size_t i = 0; i < len && terminal->running; i++)
    take_key(terminal, (unsigned char)bytes[i]);
  draw(terminal);
}

static void on_bytes_end(byte_reader_t *reader, int status) {
  terminal_t *terminal = (terminal_t *)reader->data;
  terminal_close(terminal);
  terminal->on_end(terminal, status);
}

/* ---- life ---- */

int terminal_is_usable(void) {
  const char *kind = getenv("TERM");
  return uv_guess_handle(0) == UV_TTY && uv_guess_handle(1) == UV_TTY && kind != NULL &&
         kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

int terminal_start(terminal_t *terminal, uv_loop_t *loop, output_t *output) {
  terminal->output = output;
  int err = byte_reader_init(&terminal->reader, loop, 0, on_bytes, on_bytes_end);
  terminal->reader.data = terminal;
  if (err == 0)
    err = set_raw(terminal);
  if (err != 0) {
    byte_reader_close(&terminal->reader);
    return err;
  }
  terminal->running = 1;
  restore_at_signals();
  uv_signal_init(loop, &terminal->resized);
  terminal->resized.data = terminal;
  uv_unref((uv_handle_t *)&terminal->resized);
#if defined(SIGWINCH)
  (void)uv_signal_start(&terminal->resized, on_resized, SIGWINCH);
#endif
  measure(terminal);
  terminal_show(terminal);
  byte_reader_resume(&terminal->reader);
  return 0;
}

void terminal_pause(terminal_t *terminal) {
  byte_reader_pause(&terminal->reader);
}

void terminal_resume(terminal_t *terminal) {
  byte_reader_resume(&terminal->reader);
}

void terminal_close(terminal_t *terminal) {
  if (!terminal->running)
    return;
  terminal_hide(terminal);
  output_flush(terminal->output);
  terminal->running = 0;
  (void)uv_tty_reset_mode();
  uv_close((uv_handle_t *)&terminal->resized, NULL);
  byte_reader_close(&terminal->reader);
}

void terminal_free(terminal_t *terminal) {
  line_editor_free(&terminal->editor);
}
