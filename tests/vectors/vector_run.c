#include "vectors/vector_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"

void vector_say_where(const struct vector_run *run) {
  size_t at = run->at < run->vector->nlines ? run->at : run->vector->nlines - 1;
  print_error("%s:%zu (%s, %s): %s\n", run->vector->file, run->vector->numbers[at],
              run->role == WSUV_SERVER ? "server" : "client", vector_split_name(&run->split),
              run->at < run->vector->nlines ? run->vector->lines[at] : "at the end");
}

/* 1, 2, 3, ...: the first masking key is 01 02 03 04. */
static int count_up(void *arg, void *buf, size_t len) {
  struct vector_run *run = arg;
  uint8_t *octets = buf;
  while (len-- > 0)
    *octets++ = ++run->next_random;
  return 0;
}

/* ---- lines that do something ---- */

/* "-> NAME" ends a line whose call has to fail. */
static void settle(struct vector_run *run, const char **line, int err) {
  char word[VECTOR_WORD_MAX];
  int expected = 0;
  if (vector_take_word(line, "->"))
    expected = vector_error_by_name(vector_next_word(line, word));
  if (err == WSUV_ENOMEM)
    run->failed = 1;
  if (run->failing != 0 || run->depth > 0)
    return;
  if (expected != err)
    vector_say_where(run);
  CHECK_ERR(expected, err);
}

static void do_in(struct vector_run *run, const char **line) {
  vector_take_bytes(line, &run->pending);
}

static void do_eof(struct vector_run *run, const char **line) {
  int err;
  vector_receive_end(run);
  err = vector_pull_events(run, wsuv_endpoint_receive_eof(run->ep));
  run->expected_error = err;
  settle(run, line, err);
}

static void do_tick(struct vector_run *run, const char **line) {
  wsuv_endpoint_tick(run->ep, vector_take_number(line));
}

static void do_send(struct vector_run *run, const char **line) {
  struct vector_bytes payload = {NULL, 0, 0};
  char word[VECTOR_WORD_MAX];
  int type = vector_opcode_by_name(vector_next_word(line, word));
  vector_take_bytes(line, &payload);
  settle(run, line, wsuv_endpoint_send(run->ep, (wsuv_opcode_t)type, payload.data, payload.len));
  vector_bytes_free(&payload);
}

/* "frame 3 fin=0 rsv=2 OCTETS" */
static void do_frame(struct vector_run *run, const char **line) {
  struct vector_bytes payload = {NULL, 0, 0};
  wsuv_frame_header_t frame;
  vector_take_frame(line, &frame);
  vector_take_bytes(line, &payload);
  settle(run, line, wsuv_endpoint_send_frame(run->ep, &frame, payload.data, payload.len));
  vector_bytes_free(&payload);
}

static void send_control(struct vector_run *run, const char **line,
                         int (*send)(wsuv_endpoint_t *ep, const void *payload, size_t len)) {
  struct vector_bytes payload = {NULL, 0, 0};
  vector_take_bytes(line, &payload);
  settle(run, line, send(run->ep, payload.data, payload.len));
  vector_bytes_free(&payload);
}

static void do_ping(struct vector_run *run, const char **line) {
  send_control(run, line, wsuv_endpoint_ping);
}

static void do_pong(struct vector_run *run, const char **line) {
  send_control(run, line, wsuv_endpoint_pong);
}

static void do_close(struct vector_run *run, const char **line) {
  struct vector_bytes reason = {NULL, 0, 0};
  int code = **line == '\0' || **line == '-' ? 0 : (int)vector_take_number(line);
  vector_take_bytes(line, &reason);
  settle(run, line, wsuv_endpoint_close(run->ep, code, (const char *)reason.data, reason.len));
  vector_bytes_free(&reason);
}

static void do_heartbeat(struct vector_run *run, const char **line) {
  settle(run, line, wsuv_endpoint_check_heartbeat(run->ep));
}

static void do_pause(struct vector_run *run, const char **line) {
  (void)line;
  wsuv_endpoint_pause(run->ep);
}

static void do_resume(struct vector_run *run, const char **line) {
  settle(run, line, wsuv_endpoint_resume(run->ep));
  if (run->depth == 0)
    vector_receive_pending(run);
}

/* "write 5": the transport takes so many octets. */
static void do_write(struct vector_run *run, const char **line) {
  vector_drain(run, (size_t)vector_take_number(line));
}

/* "pin": the transport is busy with all there is so far. */
static void do_pin(struct vector_run *run, const char **line) {
  wsuv_span_t spans[8];
  (void)line;
  (void)wsuv_endpoint_output(run->ep, spans, 8);
}

static void do_on(struct vector_run *run, const char **line) {
  if (vector_take_word(line, "message"))
    run->on_message = *line;
  else if (vector_take_word(line, "ping"))
    run->on_ping = *line;
  else if (vector_take_word(line, "close"))
    run->on_close = *line;
  else
    fail_msg("no such event: %s", *line);
}

static const struct {
  const char *word;
  void (*run)(struct vector_run *run, const char **line);
} actions[] = {
    {"in", do_in},       {"peer", vector_add_peer_frame},
    {"eof", do_eof},     {"tick", do_tick},
    {"send", do_send},   {"ping", do_ping},
    {"pong", do_pong},   {"close", do_close},
    {"pause", do_pause}, {"heartbeat", do_heartbeat},
    {"write", do_write}, {"resume", do_resume},
    {"pin", do_pin},     {"on", do_on},
    {"frame", do_frame},
};

void vector_run_line(struct vector_run *run, const char *line) {
  char word[VECTOR_WORD_MAX];
  size_t i;
  int goes_on;
  vector_next_word(&line, word);
  goes_on = strcmp(word, "in") == 0 || strcmp(word, "peer") == 0;
  if ((!goes_on || run->split.kind == SPLIT_LINES) && run->depth == 0)
    vector_receive_pending(run);
  if (vector_expect(run, word, &line))
    return;
  for (i = 0; i < sizeof actions / sizeof actions[0]; i++) {
    if (strcmp(actions[i].word, word) == 0) {
      actions[i].run(run, &line);
      return;
    }
  }
  vector_say_where(run);
  fail_msg("not a line of a vector: %s", word);
}

/* ---- the whole ---- */

static int64_t take_option(const char **line) {
  return vector_take_word(line, "off") ? WSUV_OFF : (int64_t)vector_take_number(line);
}

/* Claims and what is switched on. */
static int set_claim(struct vector_run *run, const char *line) {
  if (vector_take_word(&line, "rsv"))
    run->options.rsv = (int)vector_take_number(&line);
  else if (vector_take_word(&line, "opcode"))
    run->options.opcodes |= 1u << vector_take_number(&line);
  else if (vector_take_word(&line, "lenient_masking"))
    run->options.lenient_masking = 1;
  else if (vector_take_word(&line, "manual_pong"))
    run->options.manual_pong = 1;
  else if (vector_take_word(&line, "deflate"))
    run->deflate_answer = line;
  else
    return 0;
  return 1;
}

static int set_option(struct vector_run *run, const char *line) {
  if (vector_take_word(&line, "role"))
    return 1;
  if (vector_take_word(&line, "max_message"))
    run->options.max_message_size = take_option(&line);
  else if (vector_take_word(&line, "max_frame"))
    run->options.max_frame_size = take_option(&line);
  else if (vector_take_word(&line, "write_limit"))
    run->options.write_limit = take_option(&line);
  else if (vector_take_word(&line, "read_ahead"))
    run->options.read_ahead = take_option(&line);
  else if (vector_take_word(&line, "ping_interval"))
    run->options.ping_interval_ms = take_option(&line);
  else if (vector_take_word(&line, "close_timeout"))
    run->options.close_timeout_ms = take_option(&line);
  else if (vector_take_word(&line, "max_pings"))
    run->options.max_pings = (int)take_option(&line);
  else if (vector_take_word(&line, "max_fragments"))
    run->options.max_fragments = (int)take_option(&line);
  else if (vector_take_word(&line, "max_control_rate"))
    run->options.max_control_rate = (int)take_option(&line);
  else if (vector_take_word(&line, "min_receive_rate"))
    run->options.min_receive_rate = take_option(&line);
  else if (vector_take_word(&line, "idle_timeout"))
    run->options.idle_timeout_ms = take_option(&line);
  else
    return set_claim(run, line);
  return 1;
}

static void finish_normally(struct vector_run *run) {
  wsuv_close_status_t status;
  vector_receive_pending(run);
  vector_drain(run, SIZE_MAX);
  wsuv_endpoint_close_status(run->ep, &status);
  if (run->output.len > 0 || run->nseen < run->nevents || run->expected_error != status.error)
    vector_say_where(run);
  CHECK_BYTES(NULL, 0, run->output.data, run->output.len);
  CHECK_STR("", run->nseen < run->nevents ? run->events[run->nseen].what : "");
  CHECK_ERR(run->expected_error, status.error);
}

static size_t count_logged(const struct vector *vector) {
  size_t n = 0;
  size_t i;
  for (i = 0; i < vector->nlines; i++)
    n += (size_t)(strncmp(vector->lines[i], "log ", 4) == 0 &&
                  strcmp(vector->lines[i], "log nothing") != 0);
  return n;
}

/* Whatever the missing memory did, the endpoint ends in order; and where nobody was told of it, nothing is missing. */
static void finish_after_failure(struct vector_run *run) {
  wsuv_close_status_t status;
  vector_receive_pending(run);
  wsuv_endpoint_close_status(run->ep, &status);
  if (!run->failed && status.error != WSUV_ENOMEM) {
    if (run->nevents != count_logged(run->vector))
      vector_say_where(run);
    CHECK_SIZE(count_logged(run->vector), run->nevents);
  }
  (void)wsuv_endpoint_resume(run->ep);
  vector_drain(run, SIZE_MAX);
  (void)vector_pull_events(run, wsuv_endpoint_receive_eof(run->ep));
  CHECK_TRUE(wsuv_endpoint_wants_close(run->ep));
  CHECK_SIZE(0, wsuv_endpoint_queued(run->ep));
}

/* "deflate no_takeover": a session in which neither side keeps its window. Everything is compressed. */
static int begin_deflate(struct vector_run *run) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_extension_param_t param = {"server_no_context_takeover", NULL};
  wsuv_extension_element_t answer = {"permessage-deflate", &param, 0};
  const wsuv_extension_t *extension;
  int err;
  options.allocator = &run->fa.allocator;
  options.threshold = WSUV_OFF;
  options.params.deflate_no_context_takeover =
      vector_take_word(&run->deflate_answer, "no_takeover");
  answer.nparams = options.params.deflate_no_context_takeover != 0;
  err = wsuv_deflate_new(&run->deflate, &options);
  if (err != 0)
    return err;
  extension = wsuv_deflate_extension(run->deflate);
  run->negotiated.extension = extension;
  err = extension->accept(extension, &answer, &run->negotiated.session);
  if (err != 0)
    wsuv_deflate_free(run->deflate);
  run->options.extensions = &run->negotiated;
  run->options.nextensions = 1;
  return err;
}

static int open_endpoint(struct vector_run *run) {
  int err = run->deflate_answer != NULL ? begin_deflate(run) : 0;
  if (err != 0)
    return err;
  err = wsuv_endpoint_new(&run->ep, &run->options, run->is_pull ? NULL : &vector_handler, run);
  if (err != 0 && run->deflate != NULL) {
    run->negotiated.extension->end(run->negotiated.extension, run->negotiated.session);
    wsuv_deflate_free(run->deflate);
  }
  return err;
}

static void run_lines(struct vector_run *run) {
  size_t nheader = 0;
  int err;
  while (nheader < run->vector->nlines && set_option(run, run->vector->lines[nheader]))
    nheader++;
  err = open_endpoint(run);
  if (err != 0) {
    CHECK_ERR(WSUV_ENOMEM, err);
    CHECK_TRUE(run->failing > 0);
    return;
  }
  vector_attach(run);
  for (run->at = nheader; run->at < run->vector->nlines; run->at++)
    vector_run_line(run, run->vector->lines[run->at]);
  if (run->failing == 0)
    finish_normally(run);
  else
    finish_after_failure(run);
  vector_check_sent(run);
  wsuv_endpoint_free(run->ep);
  wsuv_deflate_free(run->deflate);
}

static void free_run(struct vector_run *run) {
  size_t i;
  for (i = 0; i < run->nevents; i++)
    vector_bytes_free(&run->events[i].bytes);
  vector_bytes_free(&run->pending);
  vector_bytes_free(&run->output);
  vector_bytes_free(&run->sent);
  free(run);
}

static struct vector_run *new_run(const struct vector *vector, wsuv_role_t role,
                                  struct vector_split split, int is_pull,
                                  const struct guard_page *room) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(role);
  struct vector_run *run = calloc(1, sizeof *run);
  CHECK_NOT_NULL(run);
  run->vector = vector;
  run->role = role;
  run->split = split;
  run->is_pull = is_pull;
  run->room = room;
  failing_alloc_init(&run->fa);
  run->options = defaults;
  run->options.allocator = &run->fa.allocator;
  run->options.random = count_up;
  run->options.random_arg = run;
  return run;
}

static size_t run_and_free(struct vector_run *run, int *has_failed) {
  size_t fed;
  run_lines(run);
  failing_alloc_check_no_leaks(&run->fa);
  *has_failed = failing_alloc_has_failed(&run->fa);
  fed = run->split.fed;
  free_run(run);
  return fed;
}

size_t vector_run_once(const struct vector *vector, wsuv_role_t role, struct vector_split split,
                       int is_pull, size_t failing, const struct guard_page *room,
                       int *has_failed) {
  struct vector_run *run = new_run(vector, role, split, is_pull, room);
  run->failing = failing;
  failing_alloc_fail_once(&run->fa, failing);
  return run_and_free(run, has_failed);
}

size_t vector_run_over(struct vector_wire *wire, const struct vector *vector, wsuv_role_t role,
                       struct vector_split split, int is_pull, const struct guard_page *room) {
  struct vector_run *run = new_run(vector, role, split, is_pull, room);
  int has_failed;
  run->wire = wire;
  return run_and_free(run, &has_failed);
}

int vector_wants_role(const struct vector *vector, wsuv_role_t role) {
  const char *line = vector->nlines > 0 ? vector->lines[0] : "";
  if (!vector_take_word(&line, "role"))
    fail_msg("%s does not start with its role", vector->name);
  return vector_take_word(&line, "both") ||
         vector_take_word(&line, role == WSUV_SERVER ? "server" : "client");
}

/* Asking for events is pausing and resuming all the time. */
int vector_pauses(const struct vector *vector) {
  size_t i;
  for (i = 0; i < vector->nlines; i++)
    if (strstr(vector->lines[i], "pause") != NULL || strstr(vector->lines[i], "resume") != NULL)
      return 1;
  return 0;
}
