#include "support/tls_rig.h"

#include <string.h>

#include "io/tls_io.h"

/* ---- rows ---- */

const struct tls_rig_row tls_rig_rows[4] = {
    {"server, TLS 1.2", WSUV_SERVER, TLS1_2_VERSION},
    {"server, TLS 1.3", WSUV_SERVER, TLS1_3_VERSION},
    {"client, TLS 1.2", WSUV_CLIENT, TLS1_2_VERSION},
    {"client, TLS 1.3", WSUV_CLIENT, TLS1_3_VERSION},
};

#define RECORD WSUV__TLS_RECORD_SIZE
#define CHUNK  (4u * RECORD)

const size_t tls_rig_sizes[12] = {
    1,          2,         100,   RECORD - 1, RECORD,         RECORD + 1,
    RECORD + 2, CHUNK - 1, CHUNK, CHUNK + 1,  CHUNK + RECORD, 200000};

/* ---- the owner ---- */

static void note(struct tls_rig *rig, enum tls_event event) {
  struct tls_owner *o = &rig->owner;

  CHECK_INT(0, rig->calling);
  CHECK_INT(0, o->closed);
  if ((event != TLS_EV_READ || o->logs_reads) && o->nlogged + 1 < sizeof o->log)
    o->log[o->nlogged++] = (char)event;
}

static void tell(struct tls_rig *rig, enum tls_event event) {
  if (rig->owner.on_event != NULL)
    rig->owner.on_event(rig, event);
}

static void on_connected(void *owner, int status) {
  struct tls_rig *rig = owner;

  note(rig, TLS_EV_CONNECTED);
  CHECK_INT(1, rig->owner.connected);
  CHECK_INT(0, rig->is_closed);
  rig->owner.connected = status;
  tell(rig, TLS_EV_CONNECTED);
}

static void on_read(void *owner, ssize_t nread, uint8_t *bytes) {
  struct tls_rig *rig = owner;

  note(rig, nread > 0 ? TLS_EV_READ : TLS_EV_END);
  CHECK_INT(0, rig->is_closed);
  if (nread > 0) {
    CHECK_INT(1, rig->owner.end); /* nothing is read behind the end */
    tls_octets_add(&rig->owner.in, bytes, (size_t)nread);
    memset(bytes, 0xdd, (size_t)nread); /* it may be overwritten */
    rig->owner.nreads++;
  } else {
    rig->owner.end = (int)nread;
    rig->owner.nends++;
  }
  tell(rig, nread > 0 ? TLS_EV_READ : TLS_EV_END);
}

static void on_written(void *owner, int status) {
  struct tls_rig *rig = owner;

  note(rig, TLS_EV_WRITTEN);
  rig->owner.written = status;
  rig->owner.nwritten++;
  tell(rig, TLS_EV_WRITTEN);
}

static void on_shutdown(void *owner, int status) {
  struct tls_rig *rig = owner;

  note(rig, TLS_EV_SHUTDOWN);
  rig->owner.shutdown = status;
  tell(rig, TLS_EV_SHUTDOWN);
}

static void on_closed(void *owner) {
  struct tls_rig *rig = owner;

  note(rig, TLS_EV_CLOSED);
  CHECK_INT(1, rig->is_closed);
  rig->owner.closed = 1;
  tell(rig, TLS_EV_CLOSED);
}

static const struct wsuv__stream_events owner_events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_written = on_written,
    .on_shutdown = on_shutdown,
    .on_closed = on_closed,
};

/* ---- the owner's calls ---- */

/* The start alone may tell of the end of the handshake at once. */
void tls_rig_start(struct tls_rig *rig) {
  wsuv__tls_stream_start(rig->tls);
}

int tls_rig_read_start(struct tls_rig *rig) {
  int err;

  rig->calling++;
  err = rig->top->ops->read_start(rig->top);
  rig->calling--;
  return err;
}

void tls_rig_read_stop(struct tls_rig *rig) {
  rig->calling++;
  rig->top->ops->read_stop(rig->top);
  rig->calling--;
}

int tls_rig_try_write_bufs(struct tls_rig *rig, const uv_buf_t *bufs, unsigned nbufs) {
  int n;

  rig->calling++;
  n = rig->top->ops->try_write(rig->top, bufs, nbufs);
  rig->calling--;
  return n;
}

int tls_rig_try_write(struct tls_rig *rig, const void *bytes, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
  return tls_rig_try_write_bufs(rig, &buf, 1);
}

int tls_rig_write_bufs(struct tls_rig *rig, const uv_buf_t *bufs, unsigned nbufs) {
  int err;

  rig->calling++;
  err = rig->top->ops->write(rig->top, bufs, nbufs);
  rig->calling--;
  return err;
}

int tls_rig_write(struct tls_rig *rig, const void *bytes, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
  return tls_rig_write_bufs(rig, &buf, 1);
}

int tls_rig_shutdown(struct tls_rig *rig) {
  int err;

  rig->calling++;
  err = rig->top->ops->shutdown(rig->top);
  rig->calling--;
  return err;
}

void tls_rig_end(struct tls_rig *rig) {
  CHECK_INT(0, rig->is_closed);
  rig->is_closed = 1;
  rig->calling++;
  rig->top->ops->close(rig->top);
  rig->calling--;
}

size_t tls_rig_held(struct tls_rig *rig) {
  return rig->top->ops->held(rig->top);
}

size_t tls_rig_unwritten(struct tls_rig *rig) {
  return rig->top->ops->unwritten(rig->top);
}

/* ---- its life ---- */

void tls_rig_prepare(struct tls_rig *rig, wsuv_role_t role, SSL_CTX *peer_ctx) {
  char host[] = "localhost"; /* OpenSSL takes it without const */

  memset(rig, 0, sizeof *rig);
  rig->role = role;
  rig->owner.connected = 1;
  rig->owner.end = 1;
  rig->owner.written = 1;
  rig->owner.shutdown = 1;
  failing_alloc_init(&rig->fa);
  CHECK_ERR(0, uv_loop_init(&rig->uv));
  CHECK_ERR(0, wsuv__loop_init(&rig->loop, &rig->uv, &rig->fa.allocator));
  rig->lower.base.ops = &tls_lower_ops;
  rig->lower.room = TLS_RIG_NO_LIMIT;
  rig->peer = SSL_new(peer_ctx);
  rig->to_peer = BIO_new(BIO_s_mem());
  rig->from_peer = BIO_new(BIO_s_mem());
  CHECK_TRUE(rig->peer != NULL && rig->to_peer != NULL && rig->from_peer != NULL);
  BIO_set_mem_eof_return(rig->to_peer, -1);
  BIO_set_mem_eof_return(rig->from_peer, -1);
  SSL_set_bio(rig->peer, rig->to_peer, rig->from_peer);
  if (role == WSUV_SERVER) {
    SSL_set_connect_state(rig->peer);
    CHECK_INT(1, SSL_set_tlsext_host_name(rig->peer, host));
  } else {
    SSL_set_accept_state(rig->peer);
  }
}

int tls_rig_put_on(struct tls_rig *rig, wsuv_tls_context_t *context) {
  int err = wsuv__tls_stream_new(&rig->tls, &rig->loop, context,
                                 rig->role == WSUV_CLIENT ? "localhost" : NULL,
                                 rig->role == WSUV_CLIENT ? 443 : 0);

  if (err != 0) {
    CHECK_NULL(rig->tls);
    return err;
  }
  wsuv__tls_stream_put_on(rig->tls, &rig->lower.base, &owner_events, rig);
  rig->top = wsuv__tls_stream_base(rig->tls);
  return 0;
}

void tls_rig_open_with(struct tls_rig *rig, wsuv_role_t role, wsuv_tls_context_t *context,
                       SSL_CTX *peer_ctx) {
  tls_rig_prepare(rig, role, peer_ctx);
  CHECK_ERR(0, tls_rig_put_on(rig, context));
}

static void loop_closed(struct wsuv__loop *loop) {
  (void)loop;
}

void tls_rig_close(struct tls_rig *rig) {
  if (rig->tls != NULL) {
    if (!rig->is_closed)
      tls_rig_end(rig);
    if (!rig->owner.closed)
      tls_rig_finish_close(rig);
    CHECK_INT(1, rig->owner.closed);
    wsuv__tls_stream_free(rig->tls);
  }
  wsuv__loop_close(&rig->loop, loop_closed);
  (void)uv_run(&rig->uv, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&rig->uv));
  SSL_free(rig->peer);
  tls_octets_free(&rig->lower.out);
  tls_octets_free(&rig->owner.in);
  tls_octets_free(&rig->wire);
  tls_octets_free(&rig->peer_in);
  failing_alloc_check_no_leaks(&rig->fa);
}

void tls_rig_connect(struct tls_rig *rig, wsuv_role_t role, int version) {
  tls_rig_open(rig, role, version);
  tls_rig_start(rig);
  tls_rig_shake(rig);
  CHECK_ERR(0, tls_rig_read_start(rig));
  tls_rig_turn(rig);
  tls_rig_deliver_all(rig); /* a server's tickets */
}
