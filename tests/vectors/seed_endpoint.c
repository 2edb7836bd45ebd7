#include "vectors/seed_endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"

int seed_endpoint_pulls;

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct seed_endpoint *s = data;
  const char *name = wsuv_opcode_name((int)type);
  s->nmessages++;
  snprintf(s->type, sizeof s->type, "%s", name != NULL ? name : s->name);
  seed_text_free(&s->message);
  seed_text_add(&s->message, payload, len);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct seed_endpoint *s = data;
  (void)code;
  (void)reason;
  (void)reason_len;
  s->nclosed++;
}

static size_t on_data_frame(void *data, const wsuv_frame_header_t *header, uint64_t offset,
                            uint8_t *payload, size_t len) {
  struct seed_endpoint *s = data;
  size_t i;
  CHECK_SIZE(0, offset); /* rows give whole frames */
  CHECK_SIZE(header->payload_len, len);
  seed_text_add_str(&s->frames, wsuv_opcode_name(header->opcode));
  seed_text_add_str(&s->frames, ":");
  seed_text_add_number(&s->frames, header->fin);
  seed_text_add_str(&s->frames, ":");
  for (i = 0; i < len; i++) {
    char pair[3];
    snprintf(pair, sizeof pair, "%02x", (unsigned)payload[i]);
    seed_text_add_str(&s->frames, pair);
  }
  return s->consume ? 0 : len;
}

static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  struct seed_endpoint *s = data;
  CHECK_TRUE(opcode > WSUV_PONG);
  s->ncontrols++;
  seed_text_free(&s->message);
  seed_text_add(&s->message, payload, len);
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_close = on_close};
static const wsuv_endpoint_handler_t hooked = {.size = sizeof hooked,
                                               .on_message = on_message,
                                               .on_data_frame = on_data_frame,
                                               .on_close = on_close};
static const wsuv_endpoint_handler_t with_control = {.size = sizeof with_control,
                                                     .on_message = on_message,
                                                     .on_control = on_control,
                                                     .on_close = on_close};

static int count_up(void *arg, void *buf, size_t len) {
  struct seed_endpoint *s = arg;
  uint8_t *octets = buf;
  while (len-- > 0)
    *octets++ = ++s->next_random;
  return 0;
}

static int has_param(const struct seed_row *row, const char *key, const char *value) {
  struct seed_text text = {NULL, 0};
  int has = seed_row_param(row, key, &text) && strcmp(text.data, value) == 0;
  seed_text_free(&text);
  return has;
}

/* The files of the distribution feed servers unmasked frames, and it never looked at masks. */
static int wants_strict_masks(const struct seed_row *row) {
  return strcmp(row->op, "ept.feed") == 0 && !has_param(row, "mask", "lenient");
}

/* "map=3:booya" registers an opcode; "handler=" gives a control one somebody to take it. */
static void take_custom_opcode(struct seed_endpoint *s, const struct seed_row *row,
                               wsuv_endpoint_options_t *options) {
  struct seed_text map = {NULL, 0};
  char *name;
  if (seed_row_param(row, "map", &map)) {
    options->opcodes = 1u << strtoul(map.data, &name, 10);
    snprintf(s->name, sizeof s->name, "%s", name + 1);
  }
  seed_text_free(&map);
}

static const wsuv_endpoint_handler_t *handler_for(struct seed_endpoint *s,
                                                  const struct seed_row *row) {
  s->consume = has_param(row, "on_data_frame", "consume");
  if (s->consume || has_param(row, "on_data_frame", "log"))
    return &hooked;
  return has_param(row, "handler", "ctl") ? &with_control : &handler;
}

static void begin(struct seed_endpoint *s, const wsuv_endpoint_handler_t *callbacks) {
  int is_pull = seed_endpoint_pulls && callbacks == &handler && s->config.rules.opcodes == 0;
  wsuv__endpoint_init(&s->ep, &s->config, is_pull ? wsuv__endpoint_pull_handler(0) : callbacks, s,
                      0);
  if (is_pull)
    wsuv__endpoint_begin_pull(&s->ep, &s->pull);
}

int seed_endpoint_take_events(struct seed_endpoint *s, int err) {
  wsuv_event_t event;
  int rc;
  if (!wsuv__endpoint_is_pull(&s->ep))
    return err;
  while ((rc = wsuv_endpoint_next_event(&s->ep, &event)) > 0) {
    if (event.type == WSUV_EVENT_MESSAGE)
      on_message(s, (wsuv_opcode_t)event.opcode, event.payload, event.len);
    else if (event.type == WSUV_EVENT_CLOSE)
      on_close(s, event.code, (const char *)event.payload, event.len);
    else
      CHECK_TRUE(event.type == WSUV_EVENT_PING || event.type == WSUV_EVENT_PONG);
  }
  return rc;
}

int seed_endpoint_init(struct seed_endpoint *s, const struct seed_row *row) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  struct seed_text max_pings = {NULL, 0};
  int err;
  memset(s, 0, sizeof *s);
  if (has_param(row, "role", "client"))
    options.role = WSUV_CLIENT;
  options.lenient_masking = !wants_strict_masks(row);
  options.random = count_up;
  options.random_arg = s;
  if (seed_row_param(row, "max_pings", &max_pings))
    options.max_pings = (int)strtol(max_pings.data, NULL, 10);
  take_custom_opcode(s, row, &options);
  err = wsuv__endpoint_config_init(&s->config, &options);
  if (max_pings.len > 0 && strcmp(max_pings.data, "0") == 0)
    s->config.max_pings = 0; /* in an option, 0 is the default */
  seed_text_free(&max_pings);
  if (err != 0)
    return err;
  begin(s, handler_for(s, row));
  return 0;
}

void seed_endpoint_free(struct seed_endpoint *s) {
  if (s->ep.config != NULL) {
    wsuv__buf_free(&s->pull.copy, s->config.allocator);
    wsuv__endpoint_release(&s->ep);
  }
  seed_text_free(&s->said);
  seed_text_free(&s->sent);
  seed_text_free(&s->message);
  seed_text_free(&s->frames);
}

int seed_endpoint_receive(struct seed_endpoint *s, const char *bytes) {
  struct seed_text octets = {NULL, 0};
  struct guard_page page;
  int err;
  seed_text_add_bytes(&octets, bytes);
  page = guard_page_new(octets.data, octets.len);
  err = seed_endpoint_take_events(s, wsuv_endpoint_receive(&s->ep, page.data, page.len));
  guard_page_free(&page);
  seed_text_free(&octets);
  return err;
}

void seed_endpoint_drain(struct seed_endpoint *s) {
  wsuv_span_t spans[4];
  size_t n;
  seed_text_free(&s->sent);
  seed_text_add(&s->sent, "", 0);
  while ((n = wsuv_endpoint_output(&s->ep, spans, 4)) > 0) {
    size_t written = 0;
    size_t i;
    for (i = 0; i < n; i++) {
      seed_text_add(&s->sent, spans[i].data, spans[i].len);
      written += spans[i].len;
    }
    wsuv_endpoint_output_done(&s->ep, written);
  }
}

int seed_endpoint_sent_frame(const struct seed_endpoint *s, struct seed_text *payload,
                             int *is_masked) {
  wsuv_frame_header_t header;
  int n = wsuv_frame_header_decode(&header, (const uint8_t *)s->sent.data, s->sent.len);
  if (n <= 0 || s->sent.len - (size_t)n != header.payload_len)
    return -1;
  seed_text_add(payload, s->sent.data + n, (size_t)header.payload_len);
  if (header.masked)
    wsuv_mask((uint8_t *)payload->data, (const uint8_t *)payload->data, payload->len,
              header.masking_key, 0);
  *is_masked = header.masked;
  return header.opcode;
}
