/* What every server among the samples needs and none is about: its options, and its life until a signal ends it. */
#ifndef SAMPLES_SERVE_H
#define SAMPLES_SERVE_H

#include <wsuv.h>

/* The options of every server, for the table of a sample; `o` is its wsuv_server_options_t. */
#define SERVE_OPTIONS(o)                                                             \
  {.name = "--host",                                                                 \
   .value = "HOST",                                                                  \
   .help = "address or name to listen on [127.0.0.1]; :: for every address",         \
   .text = &(o).host},                                                               \
      {.name = "--port",                                                             \
       .value = "PORT",                                                              \
       .help = "port to listen on [9001]; 0 for any free one",                       \
       .number = &(o).port,                                                          \
       .max = 65535},                                                                \
  {                                                                                  \
    .name = "--path", .value = "FILE", .help = "listen on this unix socket instead", \
    .text = &(o).path                                                                \
  }

/* The two rows of a server that speaks TLS; `cert_file` and `key_file` are const char *. */
#define SERVE_TLS_OPTIONS(cert_file, key_file)                                           \
  {.name = "--cert",                                                                     \
   .value = "FILE",                                                                      \
   .help = "PEM: the server's certificate, then its intermediates",                      \
   .text = &(cert_file)},                                                                \
  {                                                                                      \
    .name = "--key", .value = "FILE", .help = "PEM: its private key [in --cert's file]", \
    .text = &(key_file)                                                                  \
  }

enum { SERVE_DEFAULT_PORT = 9001 };

/* Says on standard error why the server does not listen; returns CLI_RUNTIME_ERROR. */
int serve_cannot_listen(const wsuv_server_options_t *options, int err);

/* Likewise where there is no TLS: `why` is wsuv_tls_context_new's line, which may be empty. */
int serve_cannot_use_tls(int err, const char *why);

/* Prints where it listens. */
void serve_say_where(const wsuv_server_options_t *options, int port);

/* Prints where the server listens, runs the loop until a signal ended the server, closes `loop` and its uv_loop_t and
 * returns the exit status. The first SIGINT or SIGTERM drains the server (wsuv/drain.h), within a second, with 1001 and a
 * line that says how far it is; the second one, or ten seconds, end what is left at once. */
int serve(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options);

/* As serve, but SIGHUP calls `reload`. */
int serve_and_reload(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options,
                     void (*reload)(void *arg), void *arg);

#endif
