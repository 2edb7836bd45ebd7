/* What was asked. */
#include <string.h>

#include "api/upgrade.h"

const char *wsuv_upgrade_method(const wsuv_upgrade_t *upgrade) {
  return (const char *)wsuv__head_parser_method(&upgrade->head).data;
}

const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade) {
  return (const char *)wsuv__head_parser_target(&upgrade->head).data;
}

wsuv_span_t wsuv_upgrade_path(const wsuv_upgrade_t *upgrade) {
  wsuv_span_t path = wsuv__head_parser_target(&upgrade->head);
  const uint8_t *mark = memchr(path.data, '?', path.len);

  if (mark != NULL)
    path.len = (size_t)(mark - path.data);
  return path;
}

const char *wsuv_upgrade_query(const wsuv_upgrade_t *upgrade) {
  const char *mark = strchr(wsuv_upgrade_target(upgrade), '?');

  return mark != NULL ? mark + 1 : NULL;
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

const char *wsuv_upgrade_header_nth(const wsuv_upgrade_t *upgrade, const char *name, size_t nth) {
  wsuv_header_t found;

  return wsuv__head_parser_find(&upgrade->head, name, nth, &found) ? found.value : NULL;
}

const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name) {
  return wsuv_upgrade_header_nth(upgrade, name, 0);
}

int wsuv_upgrade_peer(const wsuv_upgrade_t *upgrade, char *out, size_t size) {
  const wsuv_conn_t *conn = upgrade->conn;

  return conn != NULL && conn->transport == TRANSPORT_OPEN ? wsuv_conn_peer(conn, out, size)
                                                           : WSUV_ECANCELED;
}
