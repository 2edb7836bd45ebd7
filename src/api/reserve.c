#include "api/reserve.h"

#include "api/admission.h"
#include "api/server.h"

#define FIRST_PAUSE_MS 100u
#define MAX_PAUSE_MS   1000u

/* What passes when others give back what they have. */
static int is_lack(int err) {
  return err == UV_EMFILE || err == UV_ENFILE || err == UV_ENOBUFS || err == UV_ENOMEM;
}

static void rest_for(wsuv_server_t *server, uint64_t pause_ms) {
  struct wsuv__loop *io = &server->loop->io;

  server->reserve.pause_ms = pause_ms < MAX_PAUSE_MS ? pause_ms : MAX_PAUSE_MS;
  wsuv__loop_set_deadline(io, &server->reserve.retry,
                          wsuv__loop_now_ms(io) + server->reserve.pause_ms);
}

static void retry(struct wsuv__wheel_entry *entry) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(entry, wsuv_server_t, reserve.retry);

  if (server->reserve.state == RESERVE_CLOSING || wsuv__reserve_open(server) != 0) {
    rest_for(server, 2 * server->reserve.pause_ms);
    return;
  }
  server->reserve.pause_ms = 0;
  wsuv__server_accept_waiting(&server->accept);
}

void wsuv__reserve_init(wsuv_server_t *server) {
  server->reserve.state = RESERVE_NONE;
  wsuv__wheel_entry_init(&server->reserve.retry, retry);
}

/* Where there is no IPv4, or no more socket is permitted, there is no reserve either. */
int wsuv__reserve_open(wsuv_server_t *server) {
  struct wsuv__reserve *reserve = &server->reserve;
  int err = uv_tcp_init_ex(server->loop->io.uv, &reserve->tcp, AF_INET);

  if (err == 0) {
    reserve->tcp.data = server;
    reserve->state = RESERVE_OPEN;
  }
  return is_lack(err) ? err : 0;
}

static void closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;

  server->reserve.state = RESERVE_NONE;
  wsuv__server_forget(server);
}

static void close_socket(struct wsuv__reserve *reserve) {
  reserve->state = RESERVE_CLOSING;
  uv_close((uv_handle_t *)&reserve->tcp, closed);
}

/* Another thread or process may have been faster and taken what was given back. Then there is nothing to do but to leave it
 * the processor: libuv will not let the loop go on. */
void wsuv__reserve_use(wsuv_server_t *server, int err) {
  if (!is_lack(err))
    return;
  if (server->reserve.state != RESERVE_OPEN) {
    uv_sleep(1);
    return;
  }
  close_socket(&server->reserve);
  rest_for(server, FIRST_PAUSE_MS);
}

void wsuv__reserve_close(wsuv_server_t *server) {
  server->reserve.pause_ms = 0;
  wsuv__wheel_clear(&server->reserve.retry);
  if (server->reserve.state == RESERVE_OPEN)
    close_socket(&server->reserve);
}
