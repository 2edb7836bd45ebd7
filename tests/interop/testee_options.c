#include "testee_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE          2
#define DEFAULT_HIGH_WATER  ((int64_t)1 << 20)
#define DEFAULT_WRITE_LIMIT ((int64_t)32 << 20)
#define DEFAULT_MAX_MESSAGE ((int64_t)16 << 20)
#define FRAME_HEADER_MAX    14

/* Where the value of a flag goes; exactly one of the targets is set. */
typedef struct flag {
  const char *name;
  const char *help;
  int of_server_only;
  int64_t min;
  int64_t max;
  int may_be_off;
  const char **text;
  int64_t *number;
  int *small;
} flag_t;

#define NFLAGS 11

static const char *program_name(wsuv_role_t role) {
  return role == WSUV_SERVER ? "wsuv-testee-server" : "wsuv-testee-client";
}

static void list_flags(flag_t flags[NFLAGS], testee_options_t *o) {
  const flag_t list[NFLAGS] = {
      {"host", "ADDRESS   to listen on [127.0.0.1]", 1, 0, 0, 0, &o->host, NULL, NULL},
      {"port", "N         to listen on [0: any free one]", 1, 0, 65535, 0, NULL, NULL, &o->port},
      {"path", "FILE      a unix socket instead of TCP", 0, 0, 0, 0, &o->path, NULL, NULL},
      {"max-message", "N  octets of one message [16777216]", 0, 1, INT64_MAX, 1, NULL,
       &o->conn.max_message_size, NULL},
      {"max-frame", "N    octets of one frame's payload [off]", 0, 1, INT64_MAX, 1, NULL,
       &o->conn.max_frame_size, NULL},
      {"handshake-timeout-ms", "N  for the opening handshake [10000]", 0, 1, INT64_MAX, 1, NULL,
       &o->conn.handshake_timeout_ms, NULL},
      {"close-timeout-ms", "N      for the closing handshake [5000]", 0, 1, INT64_MAX, 1, NULL,
       &o->conn.close_timeout_ms, NULL},
      {"ping-interval-ms", "N      silence after which a Ping is sent [20000]", 0, 1, INT64_MAX, 1,
       NULL, &o->conn.ping_interval_ms, NULL},
      {"max-pings", "N    unanswered Pings that end a connection [3]", 0, 1, INT_MAX, 1, NULL, NULL,
       &o->conn.max_pings},
      {"max-connections", "N  more are answered 503 [off]", 1, 1, INT64_MAX, 1, NULL,
       &o->max_connections, NULL},
      {"write-limit",
       "N  octets queued for the peer [32 MiB or what the echo of the largest message needs]", 0, 1,
       INT64_MAX, 1, NULL, &o->conn.write_limit, NULL},
  };
  memcpy(flags, list, sizeof list);
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
    if (role == WSUV_SERVER || !flags[i].of_server_only) {
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
      return flags[i].of_server_only && role != WSUV_SERVER ? NULL : &flags[i];
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

/* The largest message must fit in the queue beside what made us stop reading (see testee_echo). */
static void derive_write_limits(wsuv_conn_options_t *conn) {
  int64_t message = conn->max_message_size == 0 ? DEFAULT_MAX_MESSAGE : conn->max_message_size;
  conn->write_high_water = DEFAULT_HIGH_WATER;
  if (conn->write_limit > 0) {
    if (conn->write_limit < 2 * DEFAULT_HIGH_WATER) {
      conn->write_high_water = conn->write_limit / 2 > 0 ? conn->write_limit / 2 : 1;
    }
  } else if (conn->write_limit == 0) {
    int64_t spare = DEFAULT_HIGH_WATER + 2 * FRAME_HEADER_MAX;
    if (message == WSUV_OFF || message > INT64_MAX - spare) {
      conn->write_limit = WSUV_OFF;
    } else if (message + spare > DEFAULT_WRITE_LIMIT) {
      conn->write_limit = message + spare;
    }
  }
}

void testee_options_parse(testee_options_t *options, wsuv_role_t role, int argc, char **argv) {
  const testee_options_t defaults = {.conn = WSUV_CONN_OPTIONS_INIT};
  flag_t flags[NFLAGS];
  *options = defaults;
  list_flags(flags, options);
  for (int i = 1; i < argc;) {
    if (strcmp(argv[i], "--help") == 0) {
      print_help(flags, role);
      exit(EXIT_SUCCESS);
    } else if (strncmp(argv[i], "--", 2) == 0) {
      i += take_flag(flags, role, &argv[i]);
    } else if (role == WSUV_CLIENT && options->url == NULL) {
      options->url = argv[i++];
    } else {
      usage_error(role, "unexpected argument", argv[i]);
    }
  }
  if (role == WSUV_CLIENT && options->url == NULL) {
    usage_error(role, "missing argument", "URL");
  }
  derive_write_limits(&options->conn);
}

int testee_echo(wsuv_conn_t *conn, const testee_options_t *options, wsuv_opcode_t type,
                const void *payload, size_t len) {
  int err = type == WSUV_TEXT ? wsuv_conn_send_text(conn, payload, len)
                              : wsuv_conn_send_binary(conn, payload, len);
  if (wsuv_conn_queued(conn) > (size_t)options->conn.write_high_water) {
    wsuv_conn_read_stop(conn);
  }
  return err;
}
