/* wsuv-bench load: one load on one server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "load.h"
#include "options.h"

#define NAME          "wsuv-bench load"
#define LARGEST_BATCH ((uint64_t)1 << 31)

static load_options_t load = LOAD_OPTIONS_INIT;

static struct {
  uint64_t port;
  const char *host;
  const char *path;
  const char *tls_version;
  const char *kind;
  const char *format;
  int tls;
  int broadcast;
  int churn;
  int idle;
} given;

static const option_spec_t specs[] = {
    {.name = "host",
     .value = "NAME",
     .help = "of the server, instead of a URL [127.0.0.1]",
     .text = &given.host},
    {.name = "port",
     .value = "N",
     .help = "of the server, instead of a URL",
     .max = 65535,
     .number = &given.port},
    {.name = "path", .value = "PATH", .help = "of the URL [/]", .text = &given.path},
    {.name = "tls", .help = "wss; certificates are not verified", .flag = &given.tls},
    {.name = "tls-version", .value = "1.2|1.3", .help = "[1.3]", .text = &given.tls_version},
    {.name = "pid",
     .value = "N",
     .help = "the server's process, whose CPU time and memory are measured",
     .max = 1U << 30,
     .number = &load.pid},
    {.name = "conns",
     .value = "N",
     .help = "connections [64]",
     .max = 1U << 20,
     .number = &load.nconns},
    {.name = "among",
     .value = "N",
     .help = "idle connections beside them [0]",
     .max = 1U << 20,
     .number = &load.namong},
    {.name = "in-flight",
     .value = "N",
     .help = "messages that each sends at once, and waits for [1]",
     .max = 1U << 20,
     .number = &load.in_flight},
    {.name = "payload",
     .value = "OCTETS",
     .help = "of each message [20]",
     .max = 1U << 30,
     .number = &load.payload},
    {.name = "kind",
     .value = "KIND",
     .help = "of message: binary, or text: ascii, unicode or json [binary; json with --deflate]",
     .text = &given.kind},
    {.name = "file",
     .value = "FILE",
     .help = "whose lines are the messages, as text",
     .text = &load.file},
    {.name = "deflate",
     .help = "permessage-deflate, without context takeover of the server",
     .flag = &load.deflate},
    {.name = "messages",
     .value = "N",
     .help = "to measure [100000]; connections with --churn",
     .max = UINT64_MAX,
     .number = &load.nmessages},
    {.name = "warm-up",
     .value = "N",
     .help = "messages before these [10000, or a tenth if that is less]",
     .max = UINT64_MAX,
     .number = &load.warm_up},
    {.name = "seconds",
     .value = "S",
     .help = "to measure, after a tenth of it, instead of --messages; with --idle to hold them",
     .decimal = &load.seconds},
    {.name = "rate",
     .value = "N",
     .help =
         "messages a second in all, each at a time set beforehand, from which its latency counts",
     .max = 100000000,
     .number = &load.rate},
    {.name = "broadcast",
     .help = "the server sends each message to all: one connection sends, all receive",
     .flag = &given.broadcast},
    {.name = "churn", .help = "connect, upgrade and close, --conns at once", .flag = &given.churn},
    {.name = "idle",
     .help = "resident memory of the process --pid for each of --conns connections",
     .flag = &given.idle},
    {.name = "http",
     .help = "with --idle: connections kept after an HTTP request",
     .flag = &load.http},
    {.name = "exchange",
     .value = "N",
     .help = "with --idle: messages that each has had echoed before",
     .max = 1U << 20,
     .number = &load.exchange},
    {.name = "raw",
     .help = "a TCP echo that knows no WebSocket: the same octets come back",
     .flag = &load.raw},
    {.name = "format",
     .value = "FORMAT",
     .help = "text, or keys: one line of key=value [text]",
     .text = &given.format},
};

static const command_t command = {NAME,
                                  NAME " [options] ws[s]://host[:port][/path]\n"
                                       "Puts load on a WebSocket server, compares every echo with "
                                       "what was sent, and prints what it measured.",
                                  specs, sizeof specs / sizeof specs[0]};

static void take_target(const char *url) {
  const char *wrong = url != NULL ? target_parse(&load.target, url) : NULL;
  if (wrong != NULL) {
    options_reject(NAME, "%s: %s", url, wrong);
  }
  if (url != NULL && (given.port != 0 || given.host != NULL || given.path != NULL)) {
    options_reject(NAME, "a URL, or --host, --port and --path");
  }
  if (url == NULL) {
    if (given.port == 0) {
      options_reject(NAME, "no server: a URL or --port is needed");
    }
    load.target.port = (unsigned int)given.port;
    load.target.path = given.path != NULL ? given.path : "/";
    (void)snprintf(load.target.host, sizeof load.target.host, "%s",
                   given.host != NULL ? given.host : "127.0.0.1");
  }
  load.target.tls |= given.tls;
}

static void take_mode(void) {
  int nmodes = given.broadcast + given.churn + given.idle + (load.rate > 0);
  if (nmodes > 1) {
    options_reject(NAME, "only one of --rate, --broadcast, --churn and --idle");
  }
  load.mode = given.broadcast ? LOAD_BROADCAST
              : given.churn   ? LOAD_CHURN
              : given.idle    ? LOAD_IDLE
              : load.rate > 0 ? LOAD_PACED
                              : LOAD_ECHO;
}

static void take_words(void) {
  const char *version = given.tls_version != NULL ? given.tls_version : "1.3";
  if (strcmp(version, "1.2") != 0 && strcmp(version, "1.3") != 0) {
    options_reject(NAME, "--tls-version is 1.2 or 1.3, not '%s'", version);
  }
  load.tls_version = version[2] == '2' ? 12 : 13;
  if (given.kind == NULL) {
    load.kind = load.deflate ? KIND_JSON : KIND_BINARY;
  } else if (!messages_kind(given.kind, &load.kind)) {
    options_reject(NAME, "--kind is binary, ascii, unicode or json, not '%s'", given.kind);
  }
  if (given.format != NULL && strcmp(given.format, "text") != 0 &&
      strcmp(given.format, "keys") != 0) {
    options_reject(NAME, "--format is text or keys, not '%s'", given.format);
  }
}

static int has_nothing_to_do(void) {
  return load.nconns == 0 || load.in_flight == 0 || (load.nmessages == 0 && load.seconds == 0);
}

static void check(void) {
  const struct {
    int is_wrong;
    const char *what;
  } rules[] = {
      {has_nothing_to_do(), "--conns, --in-flight and --messages are at least 1"},
      {load.in_flight > 0 && load.payload > LARGEST_BATCH / load.in_flight,
       "--payload times --in-flight is too much"},
      {load.raw && (load.deflate || load.target.tls || load.http),
       "--raw is without --deflate, --tls and --http"},
      {load.deflate && load.kind == KIND_BINARY && load.file == NULL, "--deflate is for text"},
      {(load.exchange > 0 || load.http) && load.mode != LOAD_IDLE,
       "--exchange and --http are for --idle"},
      {load.mode == LOAD_IDLE && load.pid == 0, "--idle needs --pid"},
      {load.namong > 0 && load.mode != LOAD_ECHO && load.mode != LOAD_PACED,
       "--among is for echoes"},
  };
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (rules[i].is_wrong) {
      options_reject(NAME, "%s", rules[i].what);
    }
  }
}

static void print_keys(const load_result_t *r) {
  double n = (double)r->n;
  if (load.mode == LOAD_IDLE) {
    (void)printf("connections=%.0f octets=%.0f cpu_us=%.4f held_us=%.4f\n", n, r->octets,
                 r->cpu_ns / 1e3 / n, r->held_ns / 1e3 / n);
    return;
  }
  (void)printf("messages=%.0f seconds=%.6f rate=%.0f cpu_us=%.4f p50_us=%.1f p99_us=%.1f "
               "p999_us=%.1f max_us=%.1f late_us=%.1f\n",
               n, r->seconds, n / r->seconds, r->cpu_ns / 1e3 / n, r->p50_us, r->p99_us, r->p999_us,
               r->max_us, r->late_us);
}

static void print_text(const load_result_t *r) {
  static const char *const nouns[] = {"messages", "messages", "deliveries", "connections",
                                      "connections"};
  static const char *const latencies[] = {"round trip", "from the time each was due to its echo",
                                          "from a burst to its last delivery",
                                          "from connect to the end", ""};
  double n = (double)r->n;
  if (load.mode == LOAD_IDLE) {
    (void)printf("%.0f idle connections: %.0f octets of resident memory each\n", n, r->octets);
    if (load.seconds > 0) {
      (void)printf("server CPU: %.3f µs each in a second\n", r->held_ns / 1e3 / n / load.seconds);
    }
    return;
  }
  (void)printf("%.0f %s in %.3f s: %.0f/s\n", n, nouns[load.mode], r->seconds, n / r->seconds);
  if (load.pid != 0) {
    (void)printf("server CPU: %.3f µs each\n", r->cpu_ns / 1e3 / n);
  }
  (void)printf("%s: p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f µs\n", latencies[load.mode], r->p50_us,
               r->p99_us, r->p999_us, r->max_us);
  if (load.mode == LOAD_PACED) {
    (void)printf("99 %% were sent within %.1f µs of their time\n", r->late_us);
  }
}

int command_load(char **argv) {
  load_result_t result = {0};
  load.warm_up = UINT64_MAX;
  take_target(options_parse(&command, argv));
  if (load.warm_up == UINT64_MAX) {
    load.warm_up = load.nmessages / 10 < 10000 ? load.nmessages / 10 : 10000;
  }
  take_mode();
  take_words();
  check();
  load_measure(&load, &result);
  if (given.format != NULL && strcmp(given.format, "keys") == 0) {
    print_keys(&result);
  } else {
    print_text(&result);
  }
  return EXIT_SUCCESS;
}
