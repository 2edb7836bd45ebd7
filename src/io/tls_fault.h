/* What went wrong, from OpenSSL's words to ours. */
#ifndef WSUV_IO_TLS_FAULT_H
#define WSUV_IO_TLS_FAULT_H

#include <openssl/ssl.h>
#include <stddef.h>

#define WSUV__TLS_DETAIL_SIZE 160

/* The verification result of a key that is not pinned: one that comes from nowhere else here (there is no DANE), and for which
 * OpenSSL sends the alert bad_certificate. */
#define WSUV__TLS_NOT_PINNED X509_V_ERR_DANE_NO_MATCH

struct wsuv__tls_fault {
  int error; /* of wsuv's; 0: none */
  char detail[WSUV__TLS_DETAIL_SIZE];
};

/* Of the operation that just failed: reads and empties the thread's error queue. */
void wsuv__tls_fault_of_ssl(struct wsuv__tls_fault *fault, const SSL *ssl);

/* Of a file or a setting; `what` is what was to be done, such as "key file x". `error` unless OpenSSL says better. */
void wsuv__tls_fault_of_setup(struct wsuv__tls_fault *fault, int error, const char *what);

/* One without OpenSSL. */
void wsuv__tls_fault_set(struct wsuv__tls_fault *fault, int error, const char *what,
                         const char *why);

/* For a result of X509_V_ERR_*. */
int wsuv__tls_fault_of_verification(long result);

#endif
