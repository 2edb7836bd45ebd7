/* The command line of wsuv-cat. */
#ifndef SAMPLES_CAT_OPTIONS_H
#define SAMPLES_CAT_OPTIONS_H

#include <wsuv.h>

#include "cat/input.h"
#include "cli.h"

/* The exit status, besides CLI_USAGE_ERROR and 128 + the number of a signal. */
enum {
  CAT_CLOSED = 0,         /* with 1000, or without a code */
  CAT_CLOSED_BY_CODE = 1, /* any other, or before all was sent */
  CAT_NOT_CONNECTED = 3,
  CAT_CONNECTION_LOST = 4,
  CAT_INPUT_OR_OUTPUT = 5 /* ours failed */
};

/* Only with a wss URL; tls.c makes connect.tls of it. */
typedef struct cat_tls {
  const char *ca_file, *cert_file, *key_file;
  cli_list_t pins;
  int insecure;
} cat_tls_t;

typedef struct cat_options {
  wsuv_connect_options_t connect;
  wsuv_conn_options_t conn; /* connect.conn */
  wsuv_opcode_t type;       /* of the messages sent */
  input_form_t form;
  size_t block_size;
  int one, no_close, raw, slash, verbose;
  int wait_s;      /* after the end of input */
  void *memory[4]; /* what `connect` points to */
  int is_secure;   /* a wss URL */
  cat_tls_t tls;
  wsuv_deflate_t *deflate; /* NULL: compression is not offered */
  const wsuv_extension_t *extensions[1];
} cat_options_t;

/* Ends the program where the command line says so or is wrong. 0, or WSUV_ENOMEM. options_free is due in any case. */
int options_read(cat_options_t *options, int argc, char **argv);
void options_free(cat_options_t *options);

#endif
