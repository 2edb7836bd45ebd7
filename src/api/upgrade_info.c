/* What was asked. */
#include "api/opening.h"

const char *wsuv_upgrade_method(const wsuv_upgrade_t *upgrade) {
  return (const char *)wsuv__head_parser_method(&upgrade->head).data;
}

const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade) {
  return (const char *)wsuv__head_parser_target(&upgrade->head).data;
}

const char *wsuv_upgrade_host(const wsuv_upgrade_t *upgrade) {
  wsuv_span_t authority = wsuv__head_parser_authority(&upgrade->head);

  return authority.len > 0 ? (const char *)authority.data : wsuv_upgrade_header(upgrade, "Host");
}

size_t wsuv_upgrade_nheaders(const wsuv_upgrade_t *upgrade) {
  return wsuv__head_parser_nheaders(&upgrade->head);
}

wsuv_header_t wsuv_upgrade_header_at(const wsuv_upgrade_t *upgrade, size_t index) {
  return wsuv__head_parser_header(&upgrade->head, index);
}

const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name) {
  wsuv_header_t found;

  return wsuv__head_parser_find(&upgrade->head, name, 0, &found) ? found.value : NULL;
}

int wsuv_upgrade_peer(const wsuv_upgrade_t *upgrade, char *out, size_t size) {
  const wsuv_conn_t *conn = upgrade->conn;

  return conn != NULL && conn->transport == TRANSPORT_OPEN ? wsuv_conn_peer(conn, out, size)
                                                           : WSUV_ECANCELED;
}
