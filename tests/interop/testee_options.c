#include "testee_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE          2
#define EXIT_SKIPPED        77 /* what the tests take for one */
#define DEFAULT_HIGH_WATER  ((int64_t)1 << 20)
#define DEFAULT_WRITE_LIMIT ((int64_t)32 << 20)
#define DEFAULT_MAX_MESSAGE ((int64_t)16 << 20)
#define FRAME_HEADER_MAX    14
#define FLUSH_MAX           16 /* what a compressed fragment may be longer than its text */

/* What `small` holds until the flag is given. */
#define UNSET (-1)

typedef enum flag_owner { OF_BOTH = 0, OF_SERVER, OF_CLIENT } flag_owner_t;

/* Where the value of a flag goes; exactly one of the targets is set. One with `on` takes no value. */
typedef struct flag {
  const char *name;
  const char *help;
  flag_owner_t owner;
  int64_t min;
  int64_t max;
  int may_be_off;
  const char **text;
  int64_t *number;
  int *small;
  int *on;
} flag_t;

#define NPLAIN_FLAGS   19
#define NDEFLATE_FLAGS 11
#define NTLS_FLAGS     9
#define NFLAGS         (NPLAIN_FLAGS + NDEFLATE_FLAGS + NTLS_FLAGS)

/* What the command line says of permessage-deflate; where it is UNSET, the preset of `mode` stands. */
typedef struct deflate_flags {
  const char *mode;
  int deflate_bits;
  int inflate_bits;
  int deflate_takeover;
  int inflate_takeover;
  int level;
  int mem_level;
  int threshold;
  int max_ratio;
  int strict;
  int fallback;
} deflate_flags_t;

static const char *program_name(wsuv_role_t role) {
  return role == WSUV_SERVER ? "wsuv-testee-server" : "wsuv-testee-client";
}

static void list_plain_flags(flag_t flags[NPLAIN_FLAGS], testee_options_t *o) {
  const flag_t list[NPLAIN_FLAGS] = {
      {"host", "ADDRESS   to listen on [127.0.0.1]", OF_SERVER, 0, 0, 0, &o->host, NULL, NULL,
       NULL},
      {"port", "N         to listen on [0: any free one]", OF_SERVER, 0, 65535, 0, NULL, NULL,
       &o->port, NULL},
      {"path", "FILE      a unix socket instead of TCP", OF_BOTH, 0, 0, 0, &o->path, NULL, NULL,
       NULL},
      {"max-message", "N  octets of one message [16777216]", OF_BOTH, 1, INT64_MAX, 1, NULL,
       &o->conn.max_message_size, NULL, NULL},
      {"max-frame", "N    octets of one frame's payload [off]", OF_BOTH, 1, INT64_MAX, 1, NULL,
       &o->conn.max_frame_size, NULL, NULL},
      {"handshake-timeout-ms", "N  for the opening handshake [10000]", OF_BOTH, 1, INT64_MAX, 1,
       NULL, &o->conn.handshake_timeout_ms, NULL, NULL},
      {"close-timeout-ms", "N      for the closing handshake [5000]", OF_BOTH, 1, INT64_MAX, 1,
       NULL, &o->conn.close_timeout_ms, NULL, NULL},
      {"ping-interval-ms", "N      silence after which a Ping is sent [20000]", OF_BOTH, 1,
       INT64_MAX, 1, NULL, &o->conn.ping_interval_ms, NULL, NULL},
      {"max-pings", "N    unanswered Pings that end a connection [3]", OF_BOTH, 1, INT_MAX, 1, NULL,
       NULL, &o->conn.max_pings, NULL},
      {"max-fragments", "N  frames of one message [16384]", OF_BOTH, 1, INT_MAX, 1, NULL, NULL,
       &o->conn.max_fragments, NULL},
      {"max-control-rate", "N      Pings and Pongs received within a second [1000]", OF_BOTH, 1,
       INT_MAX, 1, NULL, NULL, &o->conn.max_control_rate, NULL},
      {"min-receive-rate", "N      octets a second of what is unfinished [32]", OF_BOTH, 1,
       INT64_MAX, 1, NULL, &o->conn.min_receive_rate, NULL, NULL},
      {"idle-timeout-ms", "N       without a message; then 1001 [off]", OF_BOTH, 1, INT64_MAX, 1,
       NULL, &o->conn.idle_timeout_ms, NULL, NULL},
      {"max-connections", "N  more are answered 503 [off]", OF_SERVER, 1, INT64_MAX, 1, NULL,
       &o->max_connections, NULL, NULL},
      {"write-limit",
       "N  octets queued for the peer [32 MiB or what the echo of the largest message needs]",
       OF_BOTH, 1, INT64_MAX, 1, NULL, &o->conn.write_limit, NULL, NULL},
      {"fragment", "N     echoes in fragments of N octets of the message [off: in one frame]",
       OF_BOTH, 1, INT_MAX, 1, NULL, NULL, &o->fragment, NULL},
      {"subprotocol", "NAME  that is supported, or offered [none]", OF_BOTH, 0, 0, 0,
       &o->subprotocols[0], NULL, NULL, NULL},
      {"tell-all", "       prints a line for each request, field of it, and end of a connection",
       OF_SERVER, 0, 0, 0, NULL, NULL, NULL, &o->tells_all},
      {"trace", "N        the last frames of a connection whose peer breaks the protocol [off]",
       OF_SERVER, 1, WSUV_TRACE_FRAMES_MAX, 1, NULL, NULL, &o->conn.trace_frames, NULL},
  };
  memcpy(flags, list, sizeof list);
}

static void list_deflate_flags(flag_t flags[NDEFLATE_FLAGS], deflate_flags_t *d) {
  const flag_t list[NDEFLATE_FLAGS] = {
      {"deflate", "MODE   permessage-deflate: shared, dedicated or off [off]", OF_BOTH, 0, 0, 0,
       &d->mode, NULL, NULL, NULL},
      {"deflate-bits", "N       window to compress with, 8-15 [the mode's; off: not mentioned]",
       OF_BOTH, 8, 15, 1, NULL, NULL, &d->deflate_bits, NULL},
      {"inflate-bits", "N       window of the peer's [the mode's; off: not mentioned]", OF_BOTH, 8,
       15, 1, NULL, NULL, &d->inflate_bits, NULL},
      {"deflate-takeover", "0|1 whether what we compress refers back [the mode's]", OF_BOTH, 0, 1,
       0, NULL, NULL, &d->deflate_takeover, NULL},
      {"inflate-takeover", "0|1 whether the peer's may [the mode's]", OF_BOTH, 0, 1, 0, NULL, NULL,
       &d->inflate_takeover, NULL},
      {"deflate-level", "N      of zlib, 1-9 [6]", OF_BOTH, 1, 9, 0, NULL, NULL, &d->level, NULL},
      {"deflate-mem-level", "N  of zlib, 1-9 [the mode's]", OF_BOTH, 1, 9, 0, NULL, NULL,
       &d->mem_level, NULL},
      {"deflate-threshold", "N  octets below which nothing is compressed [64 or 16]", OF_BOTH, 1,
       INT_MAX, 1, NULL, NULL, &d->threshold, NULL},
      {"deflate-max-ratio", "N  octets that one may become beyond 1 MiB [256]", OF_BOTH, 1, INT_MAX,
       1, NULL, NULL, &d->max_ratio, NULL},
      {"deflate-strict", "0|1   the server must agree to what is asked of it [0]", OF_CLIENT, 0, 1,
       0, NULL, NULL, &d->strict, NULL},
      {"deflate-fallback", "0|1 offers it without parameters, too [0]", OF_CLIENT, 0, 1, 0, NULL,
       NULL, &d->fallback, NULL},
  };
  memcpy(flags, list, sizeof list);
}

static void list_tls_flags(flag_t flags[NTLS_FLAGS], testee_options_t *o, testee_tls_flags_t *t) {
  const flag_t list[NTLS_FLAGS] = {
      {"tls-cert", "FILE  PEM: certificate and intermediates", OF_BOTH, 0, 0, 0, &t->cert, NULL,
       NULL, NULL},
      {"tls-key", "FILE   PEM: its key [in the certificate's file]", OF_BOTH, 0, 0, 0, &t->key,
       NULL, NULL, NULL},
      {"tls-ca", "FILE    PEM: authorities of servers [the system's]", OF_CLIENT, 0, 0, 0, &t->ca,
       NULL, NULL, NULL},
      {"tls-client-ca",
       "FILE  PEM: authorities of clients, who must show a certificate [none is asked for]",
       OF_SERVER, 0, 0, 0, &t->ca, NULL, NULL, NULL},
      {"tls-ocsp", "FILE  DER: an OCSP response to staple", OF_SERVER, 0, 0, 0, &t->ocsp, NULL,
       NULL, NULL},
      {"tls-min", "1.2|1.3  the lowest version [1.2]", OF_BOTH, 0, 0, 0, &t->min_version, NULL,
       NULL, NULL},
      {"tls-name", "NAME  to send and to verify [the URL's host]", OF_CLIENT, 0, 0, 0, &o->tls_name,
       NULL, NULL, NULL},
      {"insecure", "       takes any certificate of any host", OF_CLIENT, 0, 0, 0, NULL, NULL, NULL,
       &t->insecure},
      {"tls-failures", "   prints a line for each TLS handshake that fails", OF_SERVER, 0, 0, 0,
       NULL, NULL, NULL, &o->tells_tls_failures},
  };
  memcpy(flags, list, sizeof list);
}

static int is_for(const flag_t *flag, wsuv_role_t role) {
  return flag->owner == OF_BOTH || (flag->owner == OF_SERVER) == (role == WSUV_SERVER);
}

static void print_help(const flag_t flags[NFLAGS], wsuv_role_t role) {
  if (role == WSUV_SERVER) {
    (void)printf(
        "usage: %s [flags]\n"
        "Echoes text as text and binary as binary. SIGINT or SIGTERM closes every connection "
        "with 1001, a second one ends at once.\n",
        program_name(role));
  } else {
    (void)printf("usage: %s [flags] URL\n"
                 "Sends every message back and prints a line for each event; the text message "
                 "\"please close\" makes it close with 1000. Exit status 0 after a clean close.\n",
                 program_name(role));
  }
  for (size_t i = 0; i < NFLAGS; i++) {
    if (is_for(&flags[i], role)) {
      (void)printf("  --%s %s\n", flags[i].name, flags[i].help);
    }
  }
  (void)printf("Numbers may be \"off\" where a limit or timer can be switched off.\n");
}

static void usage_error(wsuv_role_t role, const char *what, const char *argument) {
  (void)fprintf(stderr, "%s: %s: %s (see --help)\n", program_name(role), what, argument);
  exit(EXIT_USAGE);
}

static int parse_number(const flag_t *flag, const char *text, int64_t *out) {
  if (strcmp(text, "off") == 0) {
    *out = WSUV_OFF;
    return flag->may_be_off;
  }
  if (*text < '0' || *text > '9') {
    return 0;
  }
  char *end = NULL;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  *out = value;
  return errno == 0 && *end == '\0' && value >= flag->min && value <= flag->max;
}

static void set_flag(const flag_t *flag, wsuv_role_t role, const char *text) {
  if (flag->text != NULL) {
    *flag->text = text;
    return;
  }
  int64_t value = 0;
  if (!parse_number(flag, text, &value)) {
    usage_error(role, "not a value of this flag", text);
  }
  if (flag->number != NULL) {
    *flag->number = value;
  } else {
    *flag->small = (int)value;
  }
}

static const flag_t *find_flag(const flag_t flags[NFLAGS], wsuv_role_t role, const char *name,
                               size_t len) {
  for (size_t i = 0; i < NFLAGS; i++) {
    if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0) {
      return is_for(&flags[i], role) ? &flags[i] : NULL;
    }
  }
  return NULL;
}

/* Takes --name VALUE and --name=VALUE; returns how many arguments that were. */
static int take_flag(const flag_t flags[NFLAGS], wsuv_role_t role, char **argv) {
  const char *name = argv[0] + 2;
  const char *equals = strchr(name, '=');
  size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
  const flag_t *flag = find_flag(flags, role, name, len);
  if (flag == NULL) {
    usage_error(role, "unknown flag", argv[0]);
    return 0;
  }
  if (flag->on != NULL) {
    *flag->on = 1;
    if (equals != NULL) {
      usage_error(role, "this flag takes no value", argv[0]);
    }
    return 1;
  }
  if (equals != NULL) {
    set_flag(flag, role, equals + 1);
    return 1;
  }
  if (argv[1] == NULL) {
    usage_error(role, "this flag needs a value", argv[0]);
    return 0;
  }
  set_flag(flag, role, argv[1]);
  return 2;
}

/* ---- permessage-deflate ---- */

/* Ends the program if the flags of a `mode` were given without it. */
static int is_deflate_wanted(const flag_t flags[NDEFLATE_FLAGS], wsuv_role_t role,
                             const char *mode) {
  if (strcmp(mode, "shared") == 0 || strcmp(mode, "dedicated") == 0) {
    return 1;
  }
  if (strcmp(mode, "off") != 0) {
    usage_error(role, "not a value of this flag", mode);
  }
  for (size_t i = 0; i < NDEFLATE_FLAGS; i++) {
    if (flags[i].small != NULL && *flags[i].small != UNSET) {
      usage_error(role, "needs --deflate shared or dedicated", flags[i].name);
    }
  }
  return 0;
}

static void take(int *target, int value) {
  if (value != UNSET) {
    *target = value;
  }
}

static int without_takeover(int takeover, int preset) {
  return takeover == UNSET ? preset : !takeover;
}

static wsuv_deflate_options_t deflate_options_of(const deflate_flags_t *d) {
  static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
  static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;
  static const wsuv_deflate_params_t anything = {0, 0, 0, 0};
  wsuv_deflate_options_t o = strcmp(d->mode, "shared") == 0 ? shared : dedicated;
  wsuv_deflate_params_t *params = &o.params;
  if (d->deflate_bits != UNSET) {
    params->deflate_max_window_bits = d->deflate_bits == WSUV_OFF ? 0 : d->deflate_bits;
  }
  if (d->inflate_bits != UNSET) {
    params->inflate_max_window_bits = d->inflate_bits == WSUV_OFF ? 0 : d->inflate_bits;
  }
  params->deflate_no_context_takeover =
      without_takeover(d->deflate_takeover, params->deflate_no_context_takeover);
  params->inflate_no_context_takeover =
      without_takeover(d->inflate_takeover, params->inflate_no_context_takeover);
  take(&o.level, d->level);
  take(&o.mem_level, d->mem_level);
  take(&o.strict, d->strict);
  o.threshold = d->threshold == UNSET ? 0 : d->threshold;
  o.max_ratio = d->max_ratio == UNSET ? 0 : d->max_ratio;
  if (d->fallback == 1) {
    o.fallbacks = &anything;
    o.nfallbacks = 1;
  }
  return o;
}

static void make_deflate(testee_options_t *options, wsuv_role_t role, const deflate_flags_t *d) {
  const wsuv_deflate_options_t o = deflate_options_of(d);
  int err = wsuv_deflate_new(&options->deflate, &o);
  if (err != 0) {
    (void)fprintf(stderr, "%s: no permessage-deflate: %s\n", program_name(role),
                  wsuv_strerror(err));
    exit(err == WSUV_ENODEFLATE ? EXIT_SKIPPED : EXIT_FAILURE);
  }
  options->extensions[0] = wsuv_deflate_extension(options->deflate);
  options->nextensions = 1;
}

/* ---- the whole ---- */

/* What the echo of a message may take beyond its own octets. */
static int64_t overhead_of(const testee_options_t *options, int64_t message) {
  int64_t nframes = options->fragment > 0 ? message / options->fragment + 2 : 2;
  int64_t of_compression = options->deflate != NULL ? message / 64 : 0;
  return of_compression + nframes * (FRAME_HEADER_MAX + FLUSH_MAX);
}

/* The largest message must fit in the queue beside what made us stop reading (see testee_echo). */
static void derive_write_limits(testee_options_t *options) {
  wsuv_conn_options_t *conn = &options->conn;
  int64_t message = conn->max_message_size == 0 ? DEFAULT_MAX_MESSAGE : conn->max_message_size;
  conn->write_high_water = DEFAULT_HIGH_WATER;
  if (conn->write_limit > 0) {
    if (conn->write_limit < 2 * DEFAULT_HIGH_WATER) {
      conn->write_high_water = conn->write_limit / 2 > 0 ? conn->write_limit / 2 : 1;
    }
  } else if (conn->write_limit == 0) {
    if (message == WSUV_OFF || message > INT64_MAX / 64) {
      conn->write_limit = WSUV_OFF;
      return;
    }
    int64_t needed = message + DEFAULT_HIGH_WATER + overhead_of(options, message);
    if (needed > DEFAULT_WRITE_LIMIT) {
      conn->write_limit = needed;
    }
  }
}

static void take_arguments(const flag_t flags[NFLAGS], testee_options_t *options, wsuv_role_t role,
                           char **argv) {
  for (argv++; *argv != NULL;) {
    if (strcmp(*argv, "--help") == 0) {
      print_help(flags, role);
      exit(EXIT_SUCCESS);
    } else if (strncmp(*argv, "--", 2) == 0) {
      argv += take_flag(flags, role, argv);
    } else if (role == WSUV_CLIENT && options->url == NULL) {
      options->url = *argv++;
    } else {
      usage_error(role, "unexpected argument", *argv);
    }
  }
  if (role == WSUV_CLIENT && options->url == NULL) {
    usage_error(role, "missing argument", "URL");
  }
}

void testee_options_parse(testee_options_t *options, wsuv_role_t role, char **argv) {
  const testee_options_t defaults = {.conn = WSUV_CONN_OPTIONS_INIT};
  deflate_flags_t deflate = {"off", UNSET, UNSET, UNSET, UNSET, UNSET,
                             UNSET, UNSET, UNSET, UNSET, UNSET};
  testee_tls_flags_t tls = {NULL, NULL, NULL, NULL, NULL, 0};
  flag_t flags[NFLAGS];
  *options = defaults;
  list_plain_flags(flags, options);
  list_deflate_flags(&flags[NPLAIN_FLAGS], &deflate);
  list_tls_flags(&flags[NPLAIN_FLAGS + NDEFLATE_FLAGS], options, &tls);
  take_arguments(flags, options, role, argv);
  if (is_deflate_wanted(&flags[NPLAIN_FLAGS], role, deflate.mode)) {
    make_deflate(options, role, &deflate);
  }
  options->nsubprotocols = options->subprotocols[0] != NULL;
  options->tls = testee_tls_make(program_name(role), role, &tls);
  derive_write_limits(options);
}

/* ---- the echo ---- */

static int send_fragments(wsuv_conn_t *conn, wsuv_opcode_t type, const uint8_t *payload, size_t len,
                          size_t piece) {
  int err = wsuv_conn_send_begin(conn, type, 0);
  for (; err == 0 && len > piece; payload += piece, len -= piece) {
    err = wsuv_conn_send_chunk(conn, payload, piece, WSUV_SEND_FLUSH);
  }
  return err != 0 ? err : wsuv_conn_send_end(conn, payload, len);
}

int testee_echo(wsuv_conn_t *conn, const testee_options_t *options, wsuv_opcode_t type,
                const void *payload, size_t len) {
  int err = options->fragment > 0
                ? send_fragments(conn, type, payload, len, (size_t)options->fragment)
                : wsuv_conn_send_message(conn, type, payload, len, 0);
  if (wsuv_conn_queued(conn) > (size_t)options->conn.write_high_water) {
    wsuv_conn_read_stop(conn);
  }
  return err;
}
