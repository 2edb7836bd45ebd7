#include "io/tls_fault.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "wsuv/errno.h"

struct meaning {
  int theirs;
  int ours;
};

static int look_up(const struct meaning *table, size_t n, int theirs, int otherwise) {
  size_t i;

  for (i = 0; i < n; i++)
    if (table[i].theirs == theirs)
      return table[i].ours;
  return otherwise;
}

#define LOOK_UP(table, theirs, otherwise) \
  look_up(table, sizeof(table) / sizeof((table)[0]), theirs, otherwise)

int wsuv__tls_fault_of_verification(long result) {
  static const struct meaning meanings[] = {
      {X509_V_ERR_CERT_HAS_EXPIRED, WSUV_ECERTEXPIRED},
      {X509_V_ERR_CERT_NOT_YET_VALID, WSUV_ECERTEARLY},
      {X509_V_ERR_HOSTNAME_MISMATCH, WSUV_ECERTHOST},
      {X509_V_ERR_IP_ADDRESS_MISMATCH, WSUV_ECERTHOST},
      {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_CERT_UNTRUSTED, WSUV_ECERTAUTHORITY},
      {X509_V_ERR_CERT_REVOKED, WSUV_ECERTREVOKED},
      {WSUV__TLS_NOT_PINNED, WSUV_ECERTPIN},
      {X509_V_ERR_OUT_OF_MEM, WSUV_ENOMEM},
  };

  return LOOK_UP(meanings, (int)result, WSUV_ECERTIFICATE);
}

/* Alerts that the peer sent (RFC 8446 6.2). */
static int judge_alert(int alert) {
  static const struct meaning meanings[] = {
      {SSL_AD_PROTOCOL_VERSION, WSUV_ETLSVERSION},
      {SSL_AD_BAD_CERTIFICATE, WSUV_ECERTREFUSED},
      {SSL_AD_UNSUPPORTED_CERTIFICATE, WSUV_ECERTREFUSED},
      {SSL_AD_CERTIFICATE_REVOKED, WSUV_ECERTREFUSED},
      {SSL_AD_CERTIFICATE_EXPIRED, WSUV_ECERTREFUSED},
      {SSL_AD_CERTIFICATE_UNKNOWN, WSUV_ECERTREFUSED},
      {SSL_AD_UNKNOWN_CA, WSUV_ECERTREFUSED},
      {SSL_AD_CERTIFICATE_REQUIRED, WSUV_ECERTREFUSED},
  };

  return LOOK_UP(meanings, alert, WSUV_ETLS);
}

/* OpenSSL 3.0 has no text for every one. */
static const char *name_alert(int alert) {
  return alert == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                              : SSL_alert_desc_string_long(alert);
}

static int judge_reason(int reason) {
  static const struct meaning meanings[] = {
      {SSL_R_UNSUPPORTED_PROTOCOL, WSUV_ETLSVERSION},
      {SSL_R_WRONG_SSL_VERSION, WSUV_ETLSVERSION},
      {SSL_R_VERSION_TOO_LOW, WSUV_ETLSVERSION},
      {SSL_R_VERSION_TOO_HIGH, WSUV_ETLSVERSION},
      {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, WSUV_ENOCERT},
      {ERR_R_MALLOC_FAILURE, WSUV_ENOMEM},
  };

  return LOOK_UP(meanings, reason, WSUV_ETLS);
}

void wsuv__tls_fault_set(struct wsuv__tls_fault *fault, int error, const char *what,
                         const char *why) {
  fault->error = error;
  (void)snprintf(fault->detail, sizeof fault->detail, "%s: %s", what, why);
}

/* For another host: than which? */
static void tell_host(struct wsuv__tls_fault *fault, const SSL *ssl, const char *why) {
  X509_VERIFY_PARAM *param = SSL_get0_param((SSL *)(uintptr_t)ssl);
  const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
  char *ip = X509_VERIFY_PARAM_get1_ip_asc(param);

  (void)snprintf(fault->detail, sizeof fault->detail,
                 "certificate not accepted: %s, it is not for %s", why,
                 host != NULL ? host
                 : ip != NULL ? ip
                              : "this host");
  OPENSSL_free(ip);
}

static void tell_verification(struct wsuv__tls_fault *fault, const SSL *ssl, long result) {
  const char *why = X509_verify_cert_error_string(result);
  int error = wsuv__tls_fault_of_verification(result);

  if (error == WSUV_ECERTPIN)
    why = "its public key is not pinned";
  wsuv__tls_fault_set(fault, error, "certificate not accepted", why);
  if (error == WSUV_ECERTHOST)
    tell_host(fault, ssl, why);
  ERR_clear_error();
}

void wsuv__tls_fault_of_ssl(struct wsuv__tls_fault *fault, const SSL *ssl) {
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_REASON(code);
  const char *text = ERR_reason_error_string(code);
  long verified = SSL_get_verify_result(ssl);

  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    tell_verification(fault, ssl, verified);
    return;
  }
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
      reason <= SSL_AD_REASON_OFFSET + UINT8_MAX) {
    int alert = reason - SSL_AD_REASON_OFFSET;
    wsuv__tls_fault_set(fault, judge_alert(alert), "the peer sent a TLS alert", name_alert(alert));
  } else {
    wsuv__tls_fault_set(fault, judge_reason(reason), "TLS failed",
                        text != NULL ? text : "for want of memory");
    if (code == 0)
      fault->error = WSUV_ENOMEM;
  }
  ERR_clear_error();
}

void wsuv__tls_fault_of_setup(struct wsuv__tls_fault *fault, int error, const char *what) {
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_REASON(code);
  const char *text = ERR_reason_error_string(code);

  if (reason == ERR_R_MALLOC_FAILURE)
    error = WSUV_ENOMEM;
  else if (ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH))
    error = WSUV_EKEYMISMATCH;
  wsuv__tls_fault_set(fault, error, what,
                      error == WSUV_ETLS && text != NULL ? text : wsuv_strerror(error));
  ERR_clear_error();
}
