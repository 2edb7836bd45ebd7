#include "testee_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE   2
#define EXIT_SKIPPED 77 /* what the tests take for one */
#define WHY_SIZE     1024

static void usage_error(const char *program, const char *what) {
  (void)fprintf(stderr, "%s: %s (see --help)\n", program, what);
  exit(EXIT_USAGE);
}

static int is_wanted(const testee_tls_flags_t *f) {
  return f->cert != NULL || f->key != NULL || f->ca != NULL || f->ocsp != NULL ||
         f->min_version != NULL || f->insecure;
}

static void check_flags(const char *program, wsuv_role_t role, const testee_tls_flags_t *f) {
  if (f->cert == NULL && (role == WSUV_SERVER || f->key != NULL)) {
    usage_error(program, "TLS needs --tls-cert beside its other flags");
  }
  if (f->min_version != NULL && strcmp(f->min_version, "1.2") != 0 &&
      strcmp(f->min_version, "1.3") != 0) {
    usage_error(program, "--tls-min is 1.2 or 1.3");
  }
}

wsuv_tls_context_t *testee_tls_make(const char *program, wsuv_role_t role,
                                    const testee_tls_flags_t *flags) {
  if (!is_wanted(flags)) {
    return NULL;
  }
  check_flags(program, role, flags);
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  identity.cert_file = flags->cert;
  identity.key_file = flags->key;
  identity.ocsp_file = flags->ocsp;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  options.identities = flags->cert != NULL ? &identity : NULL;
  options.nidentities = flags->cert != NULL;
  options.ca_file = flags->ca;
  if (role == WSUV_SERVER && flags->ca != NULL) {
    options.client_auth = WSUV_TLS_CLIENT_REQUIRED;
  }
  if (flags->min_version != NULL && strcmp(flags->min_version, "1.3") == 0) {
    options.min_version = WSUV_TLS_1_3;
  }
  options.dangerously_skip_verification = flags->insecure;
  wsuv_tls_context_t *context = NULL;
  char why[WHY_SIZE] = "";
  int err = wsuv_tls_context_new(&context, role, &options, why, sizeof why);
  if (err != 0) {
    (void)fprintf(stderr, "%s: no TLS: %s: %s\n", program, wsuv_err_name(err),
                  why[0] != '\0' ? why : wsuv_strerror(err));
    exit(err == WSUV_ENOTLS ? EXIT_SKIPPED : EXIT_FAILURE);
  }
  return context;
}
