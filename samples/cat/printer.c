#include "cat/printer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cat/characters.h"

enum { ROW = 16 };

static void append_margin(const printer_t *printer, octets_t *out, int first) {
  if (printer->margin == NULL)
    return;
  if (first)
    octets_append_text(out, printer->margin);
  else
    for (size_t i = strlen(printer->margin); i > 0; i--)
      octets_append_text(out, " "); /* no line of a message looks like the start of one */
}

/* ---- text ---- */

static void append_control(uint32_t character, octets_t *out) {
  char shown[16];
  snprintf(shown, sizeof shown, character < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)character);
  octets_append_text(out, shown);
}

/* Text from the peer is valid UTF-8: the library checked it. */
static void append_character(const printer_t *printer, const char *text, size_t len,
                             octets_t *out) {
  uint32_t character = character_decode(text, len);
  if (character == '\n') {
    octets_append_text(out, "\n");
    append_margin(printer, out, 0);
  } else if (character != '\t' && character_is_control(character))
    append_control(character, out);
  else
    octets_append(out, text, len);
}

static void take_escaped(printer_t *printer, const char *text, size_t len, octets_t *out) {
  for (size_t i = 0; i < len; i++) {
    printer->character[printer->npending++] = text[i];
    if (printer->npending < character_len((unsigned char)printer->character[0]))
      continue;
    append_character(printer, printer->character, printer->npending, out);
    printer->npending = 0;
  }
}

static void take_text(printer_t *printer, const char *text, size_t len, int flags, octets_t *out) {
  if (flags & WSUV_FIRST) {
    printer->npending = 0;
    append_margin(printer, out, 1);
  }
  if (printer->escape)
    take_escaped(printer, text, len, out);
  else
    octets_append(out, text, len);
  if (flags & WSUV_FINAL)
    octets_append_text(out, "\n");
}

/* ---- binary ---- */

/* "00000010  48 65 6c ...  |Hel...|" */
static void append_row(const printer_t *printer, uint64_t offset, size_t len, octets_t *out) {
  char line[96];
  int n = snprintf(line, sizeof line, "%08" PRIx64 " ", offset);
  for (size_t i = 0; i < ROW; i++)
    n += snprintf(line + n, sizeof line - (size_t)n, i < len ? " %02x" : "   ", printer->row[i]);
  n += snprintf(line + n, sizeof line - (size_t)n, "  |");
  for (size_t i = 0; i < len; i++)
    line[n++] = printer->row[i] >= 0x20 && printer->row[i] < 0x7F ? (char)printer->row[i] : '.';
  append_margin(printer, out, offset == 0);
  octets_append(out, line, (size_t)n);
  octets_append_text(out, "|\n");
}

static void append_total(const printer_t *printer, octets_t *out) {
  char line[96];
  snprintf(line, sizeof line, "(binary, %" PRIu64 " octets%s)\n", printer->total,
           printer->total > PRINTER_DUMP_MAX ? "; the first 4096 are shown" : "");
  append_margin(printer, out, printer->total == 0);
  octets_append_text(out, line);
}

static void take_dumped(printer_t *printer, const unsigned char *octets, size_t len, int flags,
                        octets_t *out) {
  if (flags & WSUV_FIRST)
    printer->total = 0;
  for (size_t i = 0; i < len && printer->total + i < PRINTER_DUMP_MAX; i++) {
    uint64_t offset = printer->total + i;
    printer->row[offset % ROW] = octets[i];
    if (offset % ROW == ROW - 1)
      append_row(printer, offset - (ROW - 1), ROW, out);
  }
  printer->total += len;
  if (!(flags & WSUV_FINAL))
    return;
  size_t rest = printer->total % ROW;
  if (rest > 0 && printer->total < PRINTER_DUMP_MAX)
    append_row(printer, printer->total - rest, rest, out);
  append_total(printer, out);
}

void printer_take(printer_t *printer, wsuv_opcode_t type, const void *payload, size_t len,
                  int flags, octets_t *out) {
  if (type == WSUV_TEXT)
    take_text(printer, (const char *)payload, len, flags, out);
  else if (printer->dump)
    take_dumped(printer, (const unsigned char *)payload, len, flags, out);
  else
    octets_append(out, payload, len);
}
