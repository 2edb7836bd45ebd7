#include "cost_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting_memory.h"
#include "process.h"

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  const cost_slot_t *slot = data;
  must(wsuv_endpoint_send(slot->endpoint, type, payload, len) == 0, "send");
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof(wsuv_endpoint_handler_t),
                                                .on_message = on_message};

static wsuv_deflate_t *new_deflate(const cost_mode_t *mode, const wsuv_allocator_t *allocator) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_t *deflate;
  options.allocator = allocator;
  options.params.deflate_max_window_bits = mode->deflate_bits;
  options.params.inflate_max_window_bits = mode->inflate_bits;
  options.params.deflate_no_context_takeover = !mode->takeover;
  options.params.inflate_no_context_takeover = !mode->takeover;
  options.mem_level = mode->mem_level;
  options.level = mode->level;
  must(wsuv_deflate_new(&deflate, &options) == 0, "wsuv_deflate_new");
  return deflate;
}

/* By a client's hook with the roles exchanged: a session does not know which one it has. */
static wsuv_negotiated_t negotiate(const wsuv_deflate_t *deflate, const cost_mode_t *mode) {
  char deflate_bits[8];
  char inflate_bits[8];
  wsuv_extension_param_t params[] = {{"client_max_window_bits", deflate_bits},
                                     {"server_max_window_bits", inflate_bits},
                                     {"client_no_context_takeover", NULL},
                                     {"server_no_context_takeover", NULL}};
  wsuv_extension_element_t answer = {"permessage-deflate", params, mode->takeover ? 2 : 4};
  wsuv_negotiated_t negotiated = {wsuv_deflate_extension(deflate), NULL};
  (void)snprintf(deflate_bits, sizeof deflate_bits, "%d", mode->deflate_bits);
  (void)snprintf(inflate_bits, sizeof inflate_bits, "%d", mode->inflate_bits);
  must(negotiated.extension->accept(negotiated.extension, &answer, &negotiated.session) == 0,
       "negotiation");
  return negotiated;
}

static void open_slot(cost_slot_t *slot, const wsuv_deflate_t *deflate, const cost_mode_t *mode,
                      const wsuv_allocator_t *allocator) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  options.allocator = allocator;
  if (deflate != NULL) {
    slot->negotiated = negotiate(deflate, mode);
    options.extensions = &slot->negotiated;
    options.nextensions = 1;
  }
  must(wsuv_endpoint_new(&slot->endpoint, &options, &handler, slot) == 0, "wsuv_endpoint_new");
}

void cost_server_open(cost_server_t *server, const cost_mode_t *mode, const cost_texts_t *texts,
                      const cost_input_t *input, uint8_t *received) {
  server->mode = mode;
  server->frames = &input->frames;
  server->nmessages = texts->messages.n;
  server->received = received;
  server->deflate = mode->deflate_bits > 0 ? new_deflate(mode, NULL) : NULL;
  server->nslots = texts->nconns;
  server->slots = allocate(server->nslots * sizeof *server->slots);
  for (size_t i = 0; i < server->nslots; i++) {
    open_slot(&server->slots[i], server->deflate, mode, NULL);
  }
}

void cost_server_restore(const cost_server_t *server) {
  memcpy(server->received, server->frames->octets, server->frames->len);
}

static inline size_t take_output(wsuv_endpoint_t *endpoint, uint8_t *out) {
  wsuv_span_t spans[8];
  size_t total = 0;
  size_t n = wsuv_endpoint_output(endpoint, spans, sizeof spans / sizeof spans[0]);
  for (size_t i = 0; i < n; i++) {
    if (out != NULL) {
      memcpy(out + total, spans[i].data, spans[i].len);
    }
    total += spans[i].len;
  }
  wsuv_endpoint_output_done(endpoint, total);
  return total;
}

static inline size_t echo(const cost_server_t *server, const cost_slot_t *slot, size_t i,
                          uint8_t *out) {
  size_t len;
  const uint8_t *frame = cost_piece(server->frames, i, &len);
  uint8_t *here = server->received + (frame - server->frames->octets);
  must(wsuv_endpoint_receive(slot->endpoint, here, len) == 0, "receive");
  return take_output(slot->endpoint, out);
}

size_t cost_server_echo(const cost_server_t *server, size_t i, uint8_t *out) {
  return echo(server, &server->slots[i % server->nslots], i, out);
}

void cost_server_echo_all(const cost_server_t *server) {
  for (size_t i = 0; i < server->nmessages; i++) {
    (void)cost_server_echo(server, i, NULL);
  }
}

static cost_memory_t memory_with(const cost_server_t *server, int compressed) {
  size_t total = 0;
  size_t after_first = 0;
  wsuv_allocator_t allocator = counting_memory(&total);
  wsuv_deflate_t *deflate = compressed ? new_deflate(server->mode, &allocator) : NULL;
  cost_slot_t *slots = allocate(server->nslots * sizeof *slots);
  cost_memory_t memory = {0, 0};
  cost_server_restore(server);
  for (size_t i = 0; i < server->nslots; i++) {
    open_slot(&slots[i], deflate, server->mode, &allocator);
    if (compressed) {
      (void)echo(server, &slots[i], i, NULL);
    }
    after_first = i == 0 ? total : after_first;
  }
  if (server->nslots > 1) {
    memory.per_conn = (double)(total - after_first) / (double)(server->nslots - 1);
  }
  for (size_t i = 0; i < server->nslots; i++) {
    wsuv_endpoint_free(slots[i].endpoint);
  }
  memory.shared = compressed && !server->mode->takeover ? wsuv_deflate_memory(deflate) : 0;
  wsuv_deflate_free(deflate);
  must(total == 0, "memory is lost");
  free(slots);
  return memory;
}

cost_memory_t cost_server_memory(const cost_server_t *server) {
  cost_memory_t memory = {0, 0};
  if (server->deflate != NULL) {
    memory = memory_with(server, 1);
    memory.per_conn -= memory_with(server, 0).per_conn;
  }
  return memory;
}
