/* Replays one direction of a captured conversation and prints a line for each event: the core needs no connection, only
 * octets, here from a file, and no callbacks: events are asked for.
 *
 *   05_replay to-server.bin                         what a server received
 *   05_replay --role client --head to-client.bin    what a client received, behind the HTTP response
 *   05_replay --chunk 1 to-server.bin               octet by octet: errors have their exact place
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/event.h>
#include <wsuv/frame.h>
#include <wsuv/handshake.h>

#include "cli.h"

enum { PIECE_MAX = 64 * 1024 };

/* Where frames begin and end; the endpoint keeps that to itself, and it matters at the end of a file. */
struct frames {
  uint8_t header[WSUV_FRAME_HEADER_MAX];
  size_t header_len;  /* octets of one that is not complete */
  uint64_t remaining; /* octets of payload to come */
  int in_message;     /* its last frame is still to come */
};

struct replay {
  wsuv_endpoint_t *endpoint;
  FILE *file;
  uint64_t offset; /* octets read */
  struct frames frames;
  uint8_t answer[WSUV_FRAME_HEADER_MAX + WSUV_CONTROL_PAYLOAD_MAX];
  size_t answer_len;
  uint8_t piece[PIECE_MAX];
};

/* ---- printing ---- */

/* Safe for a terminal whatever the peer sent. */
static void print_text(const uint8_t *text, size_t len) {
  enum { SHOWN = 64 };
  fputs(" \"", stdout);
  for (size_t i = 0; i < len && i < SHOWN; i++) {
    if (text[i] == '"' || text[i] == '\\')
      printf("\\%c", text[i]);
    else if (text[i] >= ' ' && text[i] <= '~')
      putchar(text[i]);
    else
      printf("\\x%02x", text[i]);
  }
  puts(len > SHOWN ? "\" ..." : "\"");
}

static void print_octets(const uint8_t *octets, size_t len) {
  enum { SHOWN = 24 };
  for (size_t i = 0; i < len && i < SHOWN; i++)
    printf(" %02x", octets[i]);
  puts(len > SHOWN ? " ..." : "");
}

/* One octet of what our side would have sent. */
static void print_answer_octet(struct replay *replay, uint8_t octet) {
  wsuv_frame_header_t header;
  replay->answer[replay->answer_len++] = octet;
  int header_len = wsuv_frame_header_decode(&header, replay->answer, replay->answer_len);
  if (header_len <= 0 || replay->answer_len < (size_t)header_len + header.payload_len)
    return;
  uint8_t *payload = replay->answer + header_len;
  size_t len = (size_t)header.payload_len;
  if (header.masked)
    wsuv_mask(payload, payload, len, header.masking_key, 0);
  replay->answer_len = 0;

  int code = 0;
  wsuv_span_t reason;
  printf("answer %s ", wsuv_opcode_name(header.opcode));
  if (header.opcode != WSUV_CLOSE)
    printf("%zu\n", len);
  else if (wsuv_close_payload_decode(payload, len, &code, &reason) == 0 && code != 0)
    printf("%d\n", code);
  else
    printf("%d\n", WSUV_CLOSE_NO_STATUS);
}

/* Pongs and a Close are all that an endpoint sends by itself. */
static void print_answers(struct replay *replay) {
  wsuv_span_t span;
  while (wsuv_endpoint_output(replay->endpoint, &span, 1) > 0) {
    for (size_t i = 0; i < span.len; i++)
      print_answer_octet(replay, span.data[i]);
    wsuv_endpoint_output_done(replay->endpoint, span.len);
  }
}

/* ---- events ---- */

/* Pongs and a Close are queued when their event is asked for. */
static void print_event(struct replay *replay, const wsuv_event_t *event) {
  if (event->type == WSUV_EVENT_CLOSE)
    printf("close %d", event->code);
  else
    printf("%s %zu", wsuv_opcode_name(event->opcode), event->len);
  if (event->opcode == WSUV_TEXT || event->opcode == WSUV_CLOSE)
    print_text(event->payload, event->len);
  else
    print_octets(event->payload, event->len);
  print_answers(replay);
}

/* ---- the file ---- */

/* Before the endpoint takes the piece, for that unmasks it. A header that is wrong is the endpoint's to report. */
static void follow_frames(struct frames *frames, const uint8_t *bytes, size_t len) {
  wsuv_frame_header_t header;
  while (len > 0) {
    size_t n = frames->remaining < len ? (size_t)frames->remaining : len;
    if (n == 0) {
      n = 1;
      frames->header[frames->header_len++] = *bytes;
      int rc = wsuv_frame_header_decode(&header, frames->header, frames->header_len);
      if (rc < 0)
        return;
      if (rc > 0) {
        frames->header_len = 0;
        frames->remaining = header.payload_len;
        if (!wsuv_opcode_is_control(header.opcode))
          frames->in_message = !header.fin;
      }
    } else
      frames->remaining -= n;
    bytes += n;
    len -= n;
  }
}

/* Reads everything up to the first empty line. */
static int skip_head(struct replay *replay) {
  int line_len = 0, c;
  while ((c = getc(replay->file)) != EOF) {
    replay->offset++;
    if (c == '\n' && line_len == 0)
      return 0;
    if (c == '\n')
      line_len = 0;
    else if (c != '\r')
      line_len = 1;
  }
  puts("end in the middle of the head");
  return CLI_RUNTIME_ERROR;
}

/* At the end of the file, or behind the Close. */
static int finish(struct replay *replay) {
  const struct frames *frames = &replay->frames;
  int closed = wsuv_endpoint_received_close(replay->endpoint);
  if (ferror(replay->file)) {
    fprintf(stderr, "cannot read: %s\n", strerror(errno));
    return CLI_RUNTIME_ERROR;
  }
  if (!closed && (frames->header_len > 0 || frames->remaining > 0))
    printf("end in the middle of a frame (octet %llu)\n", (unsigned long long)replay->offset);
  else if (!closed && frames->in_message)
    printf("end in the middle of a message (octet %llu)\n", (unsigned long long)replay->offset);
  else {
    puts(closed ? "end" : "end without a close");
    return EXIT_SUCCESS;
  }
  return CLI_RUNTIME_ERROR;
}

static int run(struct replay *replay, size_t piece_size) {
  size_t len;
  while (!wsuv_endpoint_received_close(replay->endpoint) &&
         (len = fread(replay->piece, 1, piece_size, replay->file)) > 0) {
    follow_frames(&replay->frames, replay->piece, len);
    wsuv_event_t event;
    int err = wsuv_endpoint_receive(replay->endpoint, replay->piece, len);
    while (err >= 0 && (err = wsuv_endpoint_next_event(replay->endpoint, &event)) > 0)
      print_event(replay, &event);
    if (err < 0) {
      printf("error %s %s (octet%s %llu", wsuv_err_name(err), wsuv_strerror(err),
             len > 1 ? "s" : "", (unsigned long long)replay->offset);
      if (len > 1)
        printf(" to %llu", (unsigned long long)(replay->offset + len - 1));
      puts(")");
      print_answers(replay);
      return CLI_RUNTIME_ERROR;
    }
    replay->offset += len;
  }
  return finish(replay);
}

/* ---- the program ---- */

static const char about[] =
    "Feeds what one side received into an endpoint and prints each event and what our side\n"
    "would have answered. FILE holds the octets just as they came; without it standard input is\n"
    "read. Behind a Close nothing is read.\n"
    "\n"
    "The exit status is 0 for a clean conversation, 1 for a protocol error or a file that ends\n"
    "within a frame or message, 2 for a mistake on the command line.";

struct options {
  wsuv_role_t role;
  int skip_head;
  int piece_size;
  const char *file; /* NULL: standard input */
};

static void read_options(int argc, char **argv, struct options *options) {
  const char *role = "server";
  const cli_option_t table[] = {
      {.name = "--role",
       .value = "ROLE",
       .help = "who received this, \"server\" or \"client\" [server]",
       .text = &role},
      {.name = "--head",
       .help = "skip an HTTP head: everything up to the first empty line",
       .flag = &options->skip_head},
      {.name = "--chunk",
       .value = "N",
       .help = "octets in each piece for the endpoint [65536]",
       .number = &options->piece_size,
       .min = 1,
       .max = PIECE_MAX},
  };
  const cli_t cli = {"05_replay", "[FILE]", about, table, sizeof table / sizeof table[0]};
  int i = cli_parse(&cli, argc, argv);
  if (strcmp(role, "server") != 0 && strcmp(role, "client") != 0)
    cli_usage_error(&cli, "--role takes server or client, not", role);
  options->role = strcmp(role, "server") == 0 ? WSUV_SERVER : WSUV_CLIENT;
  if (i < argc && strcmp(argv[i], "-") != 0)
    options->file = argv[i];
  if (i + 1 < argc)
    cli_usage_error(&cli, "unexpected argument", argv[i + 1]);
}

int main(int argc, char **argv) {
  static struct replay replay;
  struct options options = {.piece_size = PIECE_MAX};
  read_options(argc, argv, &options);

  replay.file = options.file != NULL ? fopen(options.file, "rb") : stdin;
  if (replay.file == NULL) {
    fprintf(stderr, "cannot open %s: %s\n", options.file, strerror(errno));
    return CLI_RUNTIME_ERROR;
  }
  wsuv_endpoint_options_t settings = WSUV_ENDPOINT_OPTIONS_INIT(options.role);
  settings.random = wsuv_random; /* a client masks its answers */
  int err = wsuv_endpoint_new(&replay.endpoint, &settings, NULL, NULL);
  int status = CLI_RUNTIME_ERROR;
  if (err != 0)
    fprintf(stderr, "cannot start: %s\n", wsuv_strerror(err));
  else if (!options.skip_head || skip_head(&replay) == 0)
    status = run(&replay, (size_t)options.piece_size);
  wsuv_endpoint_free(replay.endpoint);
  if (options.file != NULL)
    fclose(replay.file);
  if (fflush(stdout) != 0) {
    fprintf(stderr, "cannot write to standard output: %s\n", strerror(errno));
    status = CLI_RUNTIME_ERROR;
  }
  return status;
}
