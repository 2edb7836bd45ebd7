/* The layers of the core by hand: frames are made, cut at every place and put together again. No endpoint decides
 * anything here, and there is no socket and no loop.
 *
 *   07_frames "a text"     sends it as a client, in fragments of three octets with a Ping in between
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/handshake.h>
#include <wsuv/message.h>

#include "cli.h"

enum { FRAGMENT_LEN = 3, TEXT_MAX = 300, WIRE_MAX = 4096 };

/* Frames as they would go over the wire. */
struct wire {
  uint8_t octets[WIRE_MAX];
  size_t len;
};

static int append(struct wire *wire, int err, const wsuv_frame_t *frame) {
  size_t n;
  if (err == 0)
    err = wsuv_frame_encode(frame, wire->octets + wire->len, WIRE_MAX - wire->len, &n);
  if (err == 0)
    wire->len += n;
  return err;
}

/* The text in fragments, each with a masking key of its own, a Ping behind the first one, which is empty. */
static int write_frames(struct wire *wire, const char *text, size_t len) {
  wsuv_streamer_t streamer;
  wsuv_frame_t frame;
  int err = wsuv_streamer_init(&streamer, WSUV_CLIENT, WSUV_TEXT, wsuv_random, NULL);
  if (err == 0)
    err = append(wire, wsuv_streamer_chunk(&streamer, text, 0, &frame), &frame);
  if (err == 0)
    err = append(wire, wsuv_frame_create(&frame, WSUV_CLIENT, wsuv_random, NULL, WSUV_PING, "?", 1),
                 &frame);
  for (; err == 0 && len > FRAGMENT_LEN; text += FRAGMENT_LEN, len -= FRAGMENT_LEN)
    err = append(wire, wsuv_streamer_chunk(&streamer, text, FRAGMENT_LEN, &frame), &frame);
  if (err == 0)
    err = append(wire, wsuv_streamer_final(&streamer, text, len, &frame), &frame);
  if (wsuv_streamer_end(&streamer) != 0 && err == 0)
    err = WSUV_EUNFINISHED;
  return err;
}

/* What arrives, a line for each message and control frame. */
struct arrived {
  wsuv_frame_parser_t parser;
  wsuv_assembler_t *assembler;
  size_t nframes;
  char lines[2 * TEXT_MAX];
  size_t len;
};

static int read_octets(struct arrived *arrived, const uint8_t *octets, size_t len) {
  uint8_t copy[WIRE_MAX], *data = copy; /* the parser unmasks in place */
  wsuv_frame_slice_t slice;
  wsuv_message_piece_t piece;
  int rc;
  memcpy(copy, octets, len);
  while ((rc = wsuv_frame_parser_next(&arrived->parser, &data, &len, &slice)) > 0) {
    arrived->nframes += slice.last != 0;
    rc = wsuv_assembler_take(arrived->assembler, wsuv_frame_parser_header(&arrived->parser), &slice,
                             &piece);
    if (rc < 0)
      return rc;
    if (rc > 0)
      arrived->len += (size_t)snprintf(
          arrived->lines + arrived->len, sizeof arrived->lines - arrived->len, "%s %.*s\n",
          wsuv_opcode_name(piece.type), (int)piece.len, (const char *)piece.data);
  }
  return rc;
}

static int read_in_two(struct arrived *arrived, const struct wire *wire, size_t cut) {
  wsuv_frame_parser_options_t options = WSUV_FRAME_PARSER_OPTIONS_INIT(WSUV_SERVER);
  memset(arrived, 0, sizeof *arrived);
  int err = wsuv_frame_parser_init(&arrived->parser, &options);
  if (err == 0)
    err = wsuv_assembler_new(&arrived->assembler, NULL);
  if (err == 0)
    err = read_octets(arrived, wire->octets, cut);
  if (err == 0)
    err = read_octets(arrived, wire->octets + cut, wire->len - cut);
  if (err == 0 && wsuv_frame_parser_outstanding(&arrived->parser) > 0)
    err = WSUV_EABNORMAL;
  wsuv_assembler_free(arrived->assembler);
  return err;
}

int main(int argc, char **argv) {
  static struct wire wire;
  static struct arrived whole, arrived;
  const cli_t cli = {"07_frames", "[TEXT]",
                     "Makes frames of TEXT and reads them again, cut at every place.", NULL, 0};
  int i = cli_parse(&cli, argc, argv);
  const char *text = i < argc ? argv[i] : "Hello, frames";
  if (strlen(text) > TEXT_MAX)
    cli_usage_error(&cli, "TEXT is too long:", text);
  int err = write_frames(&wire, text, strlen(text));
  if (err == 0)
    err = read_in_two(&whole, &wire, wire.len);
  for (size_t cut = 0; err == 0 && cut < wire.len; cut++) {
    err = read_in_two(&arrived, &wire, cut);
    if (err == 0 && strcmp(arrived.lines, whole.lines) != 0) {
      fprintf(stderr, "cut at octet %zu something else arrives:\n%s", cut, arrived.lines);
      return CLI_RUNTIME_ERROR;
    }
  }
  if (err != 0) {
    fprintf(stderr, "%s %s\n", wsuv_err_name(err), wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }
  printf("%s%zu frames, %zu octets, the same at every cut\n", whole.lines, whole.nframes, wire.len);
  return EXIT_SUCCESS;
}
