#include "cat/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cat/tls.h"

static const char about[] =
    "Sends standard input to a WebSocket server and prints what comes.\n"
    "\n"
    "Input: each line is a text message, unless --binary or --whole says otherwise. On a terminal\n"
    "the line can be edited (arrows, Home, End, Ctrl-A E B F K U W Y, Ctrl-arrows by words, Up "
    "and\n"
    "Down for former lines); Ctrl-D on an empty line ends the input, Ctrl-C everything. At the "
    "end\n"
    "of the input the connection is closed with 1000, and what comes before the server's Close is\n"
    "still printed.\n"
    "\n"
    "Output: a line for each text message, binary messages just as they are. On a terminal "
    "control\n"
    "characters are shown (\\x1b, \\u009b) and binary messages as a hexdump of up to 4096 octets.\n"
    "Messages may have any length; who writes or reads slowly is waited for, in both directions.\n"
    "\n"
    "A wss:// server is verified against the system's authorities and for the URL's host, unless "
    "the\n"
    "options say otherwise. The secrets of the connection are appended to the file that the\n"
    "environment's SSLKEYLOGFILE names, for Wireshark.\n"
    "\n"
    "Exit status:\n"
    "  0       closed with 1000 or without a code; also when nobody reads the output any more\n"
    "  1       closed with another code, or by the server before all was sent; the code is "
    "printed\n"
    "  2       a mistake on the command line\n"
    "  3       cannot connect (also: the certificate is not accepted), or the server refused "
    "(status\n"
    "          and first line of its answer are printed)\n"
    "  4       connection lost: no Close came\n"
    "  5       standard input or output failed, or a line is not UTF-8 or over 16 MiB\n"
    "  128+N   after signal N (SIGINT, SIGTERM, SIGHUP, Ctrl-C): closed with 1001; a second one "
    "ends\n"
    "          at once";

enum { DEFAULT_TIMEOUT_S = 5, DEFAULT_PING_S = 20, DEFAULT_MAX_PINGS = 3, DAY_S = 86400 };

/* What the table writes to, before it is judged. */
struct choices {
  cli_list_t headers, subprotocols;
  int binary, whole, compress, block, ping_s, max_pings, timeout_s, version;
};

/* `scheme` is in lower case. */
static int has_scheme(const char *url, const char *scheme) {
  for (; *scheme != '\0'; url++, scheme++)
    if ((*url >= 'A' && *url <= 'Z' ? *url + ('a' - 'A') : *url) != *scheme)
      return 0;
  return 1;
}

/* What has a meaning with TLS only; NULL: nothing was given. */
static const char *tls_option(const cat_options_t *options) {
  const struct {
    const char *name;
    int is_given;
  } given[] = {{"--insecure", options->tls.insecure},
               {"--cacert", options->tls.ca_file != NULL},
               {"--cert", options->tls.cert_file != NULL},
               {"--key", options->tls.key_file != NULL},
               {"--tls-name", options->connect.tls_name != NULL},
               {"--pin", options->tls.pins.nitems > 0}};
  for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
    if (given[i].is_given)
      return given[i].name;
  return NULL;
}

static void judge_tls(const cli_t *cli, const cat_options_t *options) {
  if (!options->is_secure && tls_option(options) != NULL)
    cli_usage_error(cli, "a wss:// URL has to go with", tls_option(options));
  if (options->tls.insecure && options->tls.ca_file != NULL)
    cli_usage_error(cli, "--insecure does not go with", "--cacert");
  if (options->tls.key_file != NULL && options->tls.cert_file == NULL)
    cli_usage_error(cli, "--cert has to go with", "--key");
}

/* What does not go together is refused rather than ignored. */
static void judge(const cli_t *cli, const cat_options_t *options, const struct choices *chosen) {
  judge_tls(cli, options);
  if (chosen->block != 0 && !chosen->binary)
    cli_usage_error(cli, "text is not cut into blocks: --binary has to go with", "--block");
  if (chosen->block != 0 && chosen->whole)
    cli_usage_error(cli, "--whole does not go with", "--block");
  if (options->slash && (chosen->binary || chosen->whole))
    cli_usage_error(cli, "only lines can be commands; no --binary and --whole with", "--slash");
  if (options->no_close && options->wait_s != 0)
    cli_usage_error(cli, "--no-close does not go with", "--wait");
}

/* "Name: value" */
static wsuv_header_t split_header(const cli_t *cli, const char *text) {
  const char *colon = strchr(text, ':');
  if (colon == NULL || colon == text)
    cli_usage_error(cli, "a header field is 'Name: value', not", text);
  wsuv_header_t header = {.name = text, .name_len = (size_t)(colon - text)};
  header.value = colon + 1 + strspn(colon + 1, " \t");
  return header;
}

static void take_lists(const cli_t *cli, cat_options_t *options, const struct choices *chosen) {
  wsuv_header_t *headers = (wsuv_header_t *)options->memory[2];
  for (size_t i = 0; i < chosen->headers.nitems; i++)
    headers[i] = split_header(cli, chosen->headers.items[i]);
  options->connect.headers = headers;
  options->connect.nheaders = chosen->headers.nitems;
  options->connect.subprotocols = chosen->subprotocols.items;
  options->connect.nsubprotocols = chosen->subprotocols.nitems;
}

static void take_choices(cat_options_t *options, const struct choices *chosen) {
  options->type = chosen->binary ? WSUV_BINARY : WSUV_TEXT;
  options->form = chosen->binary ? INPUT_READS : INPUT_LINES;
  if (chosen->block != 0)
    options->form = INPUT_BLOCKS;
  if (chosen->whole)
    options->form = INPUT_WHOLE;
  options->block_size = (size_t)chosen->block;
  options->conn.handshake_timeout_ms = (int64_t)chosen->timeout_s * 1000;
  options->conn.ping_interval_ms = chosen->ping_s == 0 ? WSUV_OFF : (int64_t)chosen->ping_s * 1000;
  options->conn.max_pings = chosen->max_pings;
  options->conn.close_timeout_ms = WSUV_OFF; /* session.c waits as long as there is progress */
  options->connect.conn = &options->conn;
}

/* One connection: it may have contexts of its own. */
static int offer_compression(const cli_t *cli, cat_options_t *options) {
  static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;
  int err = wsuv_deflate_new(&options->deflate, &dedicated);
  if (err == WSUV_ENODEFLATE)
    cli_usage_error(cli, "wsuv-cat was built without permessage-deflate, so there is no",
                    "--compress");
  if (err != 0)
    return err;
  options->extensions[0] = wsuv_deflate_extension(options->deflate);
  options->connect.extensions = options->extensions;
  options->connect.nextensions = 1;
  return 0;
}

/* Rows of the table. */
#define VALUE(short_name, long_name, what, target, text_of_help) \
  { .alias = short_name, .name = long_name, .value = what, target, .help = text_of_help }
#define SWITCH(short_name, long_name, target, text_of_help) \
  { .alias = short_name, .name = long_name, .flag = target, .help = text_of_help }
#define NUMBER(long_name, what, target, least, most, text_of_help)                 \
  {                                                                                \
    .name = long_name, .value = what, .number = target, .min = least, .max = most, \
    .help = text_of_help                                                           \
  }

static int parse(cat_options_t *options, struct choices *chosen, int argc, char **argv) {
  const cli_option_t table[] = {
      VALUE("-H", "--header", "'NAME: VALUE'", .list = &chosen->headers,
            "a field of the request; may be repeated"),
      VALUE("-s", "--subprotocol", "NAME", .list = &chosen->subprotocols,
            "offer it; may be repeated, the preferred one first"),
      VALUE("-o", "--origin", "ORIGIN", .text = &options->connect.origin, "send it as Origin"),
      VALUE(NULL, "--unix", "FILE", .text = &options->connect.path,
            "connect to this unix socket; the URL gives Host and path"),
      SWITCH("-k", "--insecure", &options->tls.insecure,
             "wss:// only, like those up to --pin: take any certificate of anybody"),
      VALUE(NULL, "--cacert", "FILE", .text = &options->tls.ca_file,
            "trust these authorities (PEM) instead of the system's"),
      VALUE(NULL, "--cert", "FILE", .text = &options->tls.cert_file,
            "show this certificate (PEM) to a server that asks for one"),
      VALUE(NULL, "--key", "FILE", .text = &options->tls.key_file,
            "its private key (PEM) [in --cert's file]"),
      VALUE(NULL, "--tls-name", "NAME", .text = &options->connect.tls_name,
            "ask for NAME, which the certificate must be for [the URL's host]"),
      VALUE(NULL, "--pin", "sha256//HASH", .list = &options->tls.pins,
            "the server's public key must be this one; may be repeated for others"),
      NUMBER("--connect-timeout", "SECONDS", &chosen->timeout_s, 1, DAY_S,
             "until the opening handshake is done [5]"),
      SWITCH("-b", "--binary", &chosen->binary,
             "send binary messages: what each read brings, up to 64 KiB"),
      NUMBER("--block", "N", &chosen->block, 1, INPUT_BLOCK_MAX,
             "with --binary: N octets a message, the last one what is left"),
      SWITCH(NULL, "--whole", &chosen->whole, "send the whole input as one message, in fragments"),
      SWITCH(
          "-z", "--compress", &chosen->compress,
          "offer permessage-deflate: compress messages, but for short and already compressed ones"),
      SWITCH(NULL, "--slash", &options->slash,
             "lines '/ping [TEXT]', '/close [CODE [REASON]]' are commands; '//' sends '/'"),
      SWITCH("-1", "--one", &options->one, "close after the first message received"),
      SWITCH("-n", "--no-close", &options->no_close,
             "after the end of the input go on until the server closes"),
      NUMBER("--wait", "SECONDS", &options->wait_s, 0, DAY_S,
             "after the end of the input close only when nothing came for so long [0]"),
      NUMBER("--ping-interval", "SECONDS", &chosen->ping_s, 0, DAY_S,
             "silence after which a Ping is sent [20]; 0: never"),
      NUMBER("--max-pings", "N", &chosen->max_pings, 1, 1000,
             "unanswered Pings after which the connection is lost [3]"),
      SWITCH(NULL, "--raw", &options->raw,
             "on a terminal too, print just what came: it can take the terminal over"),
      SWITCH("-v", "--verbose", &options->verbose,
             "tell on standard error of TLS, messages, Pings, Pongs, Closes and compression"),
      SWITCH(NULL, "--version", &chosen->version, "print the version and end"),
  };
  const cli_t cli = {"wsuv-cat", "URL", about, table, sizeof table / sizeof table[0]};

  int i = cli_parse(&cli, argc, argv);
  if (chosen->version) {
    printf("wsuv-cat %s (libuv %s, %s)\n", wsuv_version_string(), uv_version_string(),
           tls_is_available() ? "TLS" : "no TLS");
    exit(EXIT_SUCCESS);
  }
  if (i == argc)
    cli_usage_error(&cli, "missing argument", "URL");
  if (i + 1 < argc)
    cli_usage_error(&cli, "unexpected argument", argv[i + 1]);
  options->connect.url = argv[i];
  options->is_secure = has_scheme(argv[i], "wss:") || has_scheme(argv[i], "https:");
  judge(&cli, options, chosen);
  take_lists(&cli, options, chosen);
  return chosen->compress ? offer_compression(&cli, options) : 0;
}

int options_read(cat_options_t *options, int argc, char **argv) {
  static const size_t sizes[] = {sizeof(char *), sizeof(char *), sizeof(wsuv_header_t),
                                 sizeof(char *)};
  struct choices chosen = {
      .timeout_s = DEFAULT_TIMEOUT_S, .ping_s = DEFAULT_PING_S, .max_pings = DEFAULT_MAX_PINGS};
  memset(options, 0, sizeof *options);
  for (size_t i = 0; i < 4; i++) {
    options->memory[i] = calloc((size_t)argc + 1, sizes[i]);
    if (options->memory[i] == NULL)
      return WSUV_ENOMEM;
  }
  chosen.headers.items = (const char **)options->memory[0];
  chosen.subprotocols.items = (const char **)options->memory[1];
  options->tls.pins.items = (const char **)options->memory[3];
  options->connect.size = sizeof options->connect;
  options->conn.size = sizeof options->conn;
  int err = parse(options, &chosen, argc, argv);
  take_choices(options, &chosen);
  return err;
}

void options_free(cat_options_t *options) {
  wsuv_deflate_free(options->deflate);
  wsuv_tls_context_release(options->connect.tls);
  for (size_t i = 0; i < 4; i++)
    free(options->memory[i]);
}
