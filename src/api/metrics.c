/* OpenMetrics text out of counts: a table of families, each written for every source. */
#include <stdio.h>
#include <string.h>

#include "api/loop.h"
#include "wsuv/frame.h"
#include "wsuv/metrics.h"

/* What does not fit is counted and not written. */
struct writer {
  const wsuv_metrics_t *metrics;
  char *out;
  size_t size;
  size_t len;
  const char *source_label; /* "server" or "loop" */
  const char *source;       /* its value, or NULL */
};

struct label {
  const char *name;
  const char *value;
};

struct family {
  const char *name;
  const char *type; /* counter or gauge */
  const char *unit; /* or NULL */
  const char *help;
  void (*write_server)(struct writer *w, const struct family *family,
                       const wsuv_server_stats_t *stats);
  void (*write_loop)(struct writer *w, const struct family *family, const wsuv_loop_stats_t *stats);
};

/* ---- text ---- */

static void put(struct writer *w, const char *text, size_t len) {
  if (w->len < w->size && len < w->size - w->len)
    memcpy(w->out + w->len, text, len);
  w->len += len;
}

static void put_text(struct writer *w, const char *text) {
  put(w, text, strlen(text));
}

static void put_escaped(struct writer *w, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '\\' || *text == '"')
      put(w, "\\", 1);
    if (*text == '\n')
      put(w, "\\n", 2);
    else
      put(w, text, 1);
  }
}

static void put_label(struct writer *w, int *n, const char *name, const char *value) {
  put_text(w, (*n)++ == 0 ? "{" : ",");
  put_text(w, name);
  put_text(w, "=\"");
  put_escaped(w, value);
  put_text(w, "\"");
}

/* The name and its labels, up to the value. */
static void put_sample(struct writer *w, const struct family *family, const struct label *labels,
                       size_t nlabels) {
  const wsuv_metrics_t *m = w->metrics;
  int n = 0;
  size_t i;

  put_text(w, family->name);
  if (strcmp(family->type, "counter") == 0)
    put_text(w, "_total");
  for (i = 0; i < m->nlabels; i++)
    put_label(w, &n, m->labels[i].name, m->labels[i].value);
  if (w->source != NULL)
    put_label(w, &n, w->source_label, w->source);
  for (i = 0; i < nlabels; i++)
    put_label(w, &n, labels[i].name, labels[i].value);
  put_text(w, n > 0 ? "} " : " ");
}

static void put_count(struct writer *w, const struct family *family, const struct label *labels,
                      size_t nlabels, uint64_t count) {
  char text[32];

  (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)count);
  put_sample(w, family, labels, nlabels);
  put_text(w, text);
}

/* Without floating point, whose form depends on the locale. */
static void put_seconds(struct writer *w, const struct family *family, const char *stat,
                        int64_t ms) {
  const struct label label = {"stat", stat};
  char text[48];

  (void)snprintf(text, sizeof text, "%lld.%03d\n", (long long)(ms / 1000), (int)(ms % 1000));
  put_sample(w, family, &label, 1);
  put_text(w, text);
}

/* ---- a server's families ---- */

static void write_accepted(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_count(w, f, NULL, 0, s->accepted);
}

static void write_opened(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_count(w, f, NULL, 0, s->opened);
}

static void write_connections(struct writer *w, const struct family *f,
                              const wsuv_server_stats_t *s) {
  put_count(w, f, NULL, 0, s->connections);
}

static void write_open(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_count(w, f, NULL, 0, s->open);
}

static void write_queued(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_count(w, f, NULL, 0, s->queued);
}

static const char *const reasons[WSUV_NREJECTIONS] = {
    "malformed", "origin",   "application", "connections", "address",  "handshakes",
    "slow",      "stopping", "budget",      "tls",         "resources"};

static void write_rejected(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  size_t i;

  for (i = 0; i < WSUV_NREJECTIONS; i++) {
    const struct label reason = {"reason", reasons[i]};
    put_count(w, f, &reason, 1, s->rejected[i]);
  }
}

/* Codes that were never seen have no sample. */
static void write_codes(struct writer *w, const struct family *f, const uint64_t *classes) {
  int i;

  for (i = 0; i < WSUV_NCLOSE_CLASSES; i++) {
    char text[8];
    const struct label code = {"code", text};
    if (i < WSUV_CLOSE_CLASS_3000)
      (void)snprintf(text, sizeof text, "%d", 1000 + i);
    else
      (void)snprintf(text, sizeof text, "%dxxx", i == WSUV_CLOSE_CLASS_3000 ? 3 : 4);
    if (classes[i] > 0)
      put_count(w, f, &code, 1, classes[i]);
  }
}

static void write_closed(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  write_codes(w, f, s->close_codes);
}

static void write_closes_sent(struct writer *w, const struct family *f,
                              const wsuv_server_stats_t *s) {
  write_codes(w, f, s->sent_close_codes);
}

/* Both directions of a count, with a second label. */
static void put_ways(struct writer *w, const struct family *f, const char *name, const char *value,
                     uint64_t received, uint64_t sent) {
  const struct label in[2] = {{"direction", "received"}, {name, value}};
  const struct label out[2] = {{"direction", "sent"}, {name, value}};
  size_t n = name != NULL ? 2 : 1;

  put_count(w, f, in, n, received);
  put_count(w, f, out, n, sent);
}

static void write_messages(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_ways(w, f, "type", "text", s->received.text, s->sent.text);
  put_ways(w, f, "type", "binary", s->received.binary, s->sent.binary);
}

static void write_octets(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_ways(w, f, "type", "text", s->received.text_octets, s->sent.text_octets);
  put_ways(w, f, "type", "binary", s->received.binary_octets, s->sent.binary_octets);
}

static void write_controls(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_ways(w, f, "type", "ping", s->received.pings, s->sent.pings);
  put_ways(w, f, "type", "pong", s->received.pongs, s->sent.pongs);
  put_ways(w, f, "type", "close", s->received.closes, s->sent.closes);
  put_ways(w, f, "type", "other", s->received.controls, s->sent.controls);
}

static void write_wire(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_ways(w, f, NULL, NULL, s->received.wire_octets, s->sent.wire_octets);
}

static void write_transformed(struct writer *w, const struct family *f,
                              const wsuv_server_stats_t *s) {
  put_ways(w, f, "form", "plain", s->received.plain_octets, s->sent.plain_octets);
  put_ways(w, f, "form", "encoded", s->received.encoded_octets, s->sent.encoded_octets);
}

static void put_labelled(struct writer *w, const struct family *f, const char *name,
                         const char *value, uint64_t count) {
  const struct label label = {name, value};

  put_count(w, f, &label, 1, count);
}

static void write_dropped(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_labelled(w, f, "reason", "oldest", s->drops.oldest);
  put_labelled(w, f, "reason", "replaced", s->drops.replaced);
  put_labelled(w, f, "reason", "refused", s->drops.refused);
  put_labelled(w, f, "reason", "closed", s->drops.closed);
}

static void write_tls(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  put_labelled(w, f, "result", "full", s->tls_handshakes - s->tls_resumed);
  put_labelled(w, f, "result", "resumed", s->tls_resumed);
  put_labelled(w, f, "result", "failed", s->tls_failed);
}

static void write_rtt(struct writer *w, const struct family *f, const wsuv_server_stats_t *s) {
  if (s->nrtts == 0)
    return;
  put_seconds(w, f, "min", s->rtt_min_ms);
  put_seconds(w, f, "mean", s->rtt_mean_ms);
  put_seconds(w, f, "max", s->rtt_max_ms);
}

/* ---- a loop's families ---- */

static void write_lag(struct writer *w, const struct family *f, const wsuv_loop_stats_t *s) {
  put_seconds(w, f, "last", s->lag_ms);
  put_seconds(w, f, "max", s->lag_max_ms);
}

static void write_memory(struct writer *w, const struct family *f, const wsuv_loop_stats_t *s) {
  put_labelled(w, f, "class", "connections", s->memory.connections);
  put_labelled(w, f, "class", "queued", s->memory.queued);
  put_labelled(w, f, "class", "unfinished", s->memory.unfinished);
  put_labelled(w, f, "class", "held", s->memory.held);
  put_labelled(w, f, "class", "deflate", s->memory.deflate);
  put_labelled(w, f, "class", "buffers", s->memory.buffers);
}

static const struct family families[] = {
    {"wsuv_connections_accepted", "counter", NULL, "Connections taken from the listener.",
     write_accepted, NULL},
    {"wsuv_connections_opened", "counter", NULL, "Opening handshakes that succeeded.", write_opened,
     NULL},
    {"wsuv_connections_rejected", "counter", NULL, "Connections that were not opened.",
     write_rejected, NULL},
    {"wsuv_connections", "gauge", NULL, "Connections, those in their handshakes included.",
     write_connections, NULL},
    {"wsuv_connections_open", "gauge", NULL, "Open connections.", write_open, NULL},
    {"wsuv_connections_closed", "counter", NULL,
     "Connections that ended, by the close code that was reported.", write_closed, NULL},
    {"wsuv_closes_sent", "counter", NULL,
     "Connections that ended, by the close code that was sent.", write_closes_sent, NULL},
    {"wsuv_messages", "counter", NULL, "Whole messages.", write_messages, NULL},
    {"wsuv_message_bytes", "counter", "bytes", "Payload of messages, as the application sees it.",
     write_octets, NULL},
    {"wsuv_control_frames", "counter", NULL, "Control frames.", write_controls, NULL},
    {"wsuv_wire_bytes", "counter", "bytes", "Frames with their headers, before TLS.", write_wire,
     NULL},
    {"wsuv_transformed_bytes", "counter", "bytes",
     "Payload of messages that extensions transformed, before and after.", write_transformed, NULL},
    {"wsuv_messages_dropped", "counter", NULL,
     "Messages that were not sent because the peer reads too slowly.", write_dropped, NULL},
    {"wsuv_queued_bytes", "gauge", "bytes", "Octets that wait to be sent.", write_queued, NULL},
    {"wsuv_tls_handshakes", "counter", NULL, "Handshakes of TLS.", write_tls, NULL},
    {"wsuv_rtt_seconds", "gauge", "seconds", "Smoothed round-trip times of open connections.",
     write_rtt, NULL},
    {"wsuv_loop_lag_seconds", "gauge", "seconds", "How late deadlines came.", NULL, write_lag},
    {"wsuv_loop_memory_bytes", "gauge", "bytes", "Memory of connections and the loop.", NULL,
     write_memory},
};

static void put_line(struct writer *w, const char *word, const struct family *family,
                     const char *text) {
  put_text(w, "# ");
  put_text(w, word);
  put_text(w, " ");
  put_text(w, family->name);
  put_text(w, " ");
  put_text(w, text);
  put_text(w, "\n");
}

static void write_family(struct writer *w, const struct family *family) {
  const wsuv_metrics_t *m = w->metrics;
  size_t i;

  if (family->write_server != NULL ? m->nservers == 0 : m->nloops == 0)
    return;
  put_line(w, "TYPE", family, family->type);
  if (family->unit != NULL)
    put_line(w, "UNIT", family, family->unit);
  put_line(w, "HELP", family, family->help);
  for (i = 0; family->write_server != NULL && i < m->nservers; i++) {
    w->source_label = "server";
    w->source = m->servers[i].name;
    family->write_server(w, family, m->servers[i].stats);
  }
  for (i = 0; family->write_loop != NULL && i < m->nloops; i++) {
    w->source_label = "loop";
    w->source = m->loops[i].name;
    family->write_loop(w, family, m->loops[i].stats);
  }
}

/* ---- what is asked for ---- */

static int is_label_name(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

  return name != NULL && name[0] != '\0' && strchr(letters, name[0]) != NULL &&
         strspn(name, others) == strlen(name);
}

static int is_label_value(const char *text) {
  return text != NULL && wsuv_utf8_is_valid(text, strlen(text));
}

static int is_source(const char *name, const void *stats) {
  return stats != NULL && (name == NULL || is_label_value(name));
}

static int is_list(const void *first, size_t n) {
  return first != NULL || n == 0;
}

static int judge(const wsuv_metrics_t *m) {
  int ok = m->size >= sizeof *m && is_list(m->servers, m->nservers) &&
           is_list(m->loops, m->nloops) && is_list(m->labels, m->nlabels);
  size_t i;

  for (i = 0; ok && i < m->nlabels; i++)
    ok = is_label_name(m->labels[i].name) && is_label_value(m->labels[i].value);
  for (i = 0; ok && i < m->nservers; i++)
    ok = is_source(m->servers[i].name, m->servers[i].stats);
  for (i = 0; ok && i < m->nloops; i++)
    ok = is_source(m->loops[i].name, m->loops[i].stats);
  return ok ? 0 : WSUV_EINVAL;
}

int wsuv_metrics_write(const wsuv_metrics_t *metrics, char *out, size_t size, size_t *len) {
  struct writer w = {metrics, out, size, 0, NULL, NULL};
  int err = judge(metrics);
  size_t i;

  *len = 0;
  if (err != 0)
    return err;
  for (i = 0; i < sizeof families / sizeof families[0]; i++)
    write_family(&w, &families[i]);
  if (!metrics->no_eof)
    put_text(&w, "# EOF\n");
  *len = w.len;
  if (w.len >= size)
    return WSUV_ENOBUFS;
  out[w.len] = '\0';
  return 0;
}

int wsuv_metrics_write_loop(wsuv_loop_t *loop, char *out, size_t size, size_t *len) {
  wsuv_metrics_t metrics = WSUV_METRICS_INIT;
  uint64_t lag_max_ms = loop->io.lag_max_ms;
  wsuv_loop_stats_t stats;
  wsuv_metrics_server_t server = {NULL, &stats.total};
  wsuv_metrics_loop_t one = {NULL, &stats};
  int err;

  stats.size = sizeof stats;
  (void)wsuv_loop_stats(loop, &stats);
  metrics.servers = &server;
  metrics.nservers = 1;
  metrics.loops = &one;
  metrics.nloops = 1;
  err = wsuv_metrics_write(&metrics, out, size, len);
  if (err != 0)
    loop->io.lag_max_ms = lag_max_ms;
  return err;
}
