/* libwebsockets on its own poll loop, or with --libuv on libuv's, used as its documentation asks for: what is received waits in
 * a queue of its session, and one message is written each time the session is writeable. A message is sent in one frame, since
 * that is how it came. There is no permessage-deflate: the library keeps contexts unless the client asks for the opposite, and
 * sends what it compresses in fragments, so that the load cannot compare it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "peer_options.h"

#define RX_SIZE \
  ((size_t)64 << 10) /* what comes in one callback; larger messages are put together */
#define QUEUE_LIMIT \
  256 /* messages: a session that has so many is not read from until half of them left */

/* One copy for all receivers of a broadcast. */
typedef struct message {
  unsigned int nrefs;
  enum lws_write_protocol type;
  size_t len;
  size_t size;
  unsigned char octets[]; /* LWS_PRE of them are the library's, for a header */
} message_t;

typedef struct entry {
  struct entry *next;
  message_t *message;
} entry_t;

typedef struct session {
  struct lws *wsi;
  struct session *next;
  struct session **link; /* what points to it */
  message_t *partial;
  entry_t *head;
  entry_t **tail;
  unsigned int nqueued;
  int is_held; /* not read from */
} session_t;

static peer_options_t opt;
static session_t *sessions;

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) {
    (void)fprintf(stderr, "bench_peer_libwebsockets: no memory\n");
    exit(EXIT_FAILURE);
  }
  return memory;
}

static void release(message_t *message) {
  if (message != NULL && --message->nrefs == 0) {
    free(message);
  }
}

static void begin_session(session_t *session, struct lws *wsi) {
  session->wsi = wsi;
  session->tail = &session->head;
  session->next = sessions;
  session->link = &sessions;
  if (sessions != NULL) {
    sessions->link = &session->next;
  }
  sessions = session;
}

static message_t *take_first(session_t *session) {
  entry_t *entry = session->head;
  message_t *message = entry->message;
  session->head = entry->next;
  if (session->head == NULL) {
    session->tail = &session->head;
  }
  session->nqueued--;
  free(entry);
  return message;
}

static void end_session(session_t *session) {
  *session->link = session->next;
  if (session->next != NULL) {
    session->next->link = session->link;
  }
  while (session->head != NULL) {
    release(take_first(session));
  }
  release(session->partial);
}

static void queue(session_t *session, message_t *message) {
  entry_t *entry = allocate(sizeof *entry);
  *entry = (entry_t){.message = message};
  message->nrefs++;
  *session->tail = entry;
  session->tail = &entry->next;
  if (++session->nqueued == QUEUE_LIMIT && !opt.broadcast) {
    session->is_held = 1;
    (void)lws_rx_flow_control(session->wsi, 0);
  }
  (void)lws_callback_on_writable(session->wsi);
}

static void append(session_t *session, const void *data, size_t len, size_t remaining) {
  message_t *message = session->partial;
  size_t have = message == NULL ? 0 : message->len;
  if (message == NULL || message->size < have + len) {
    size_t size = have + len + remaining;
    message = realloc(message, sizeof *message + LWS_PRE + size);
    if (message == NULL) {
      exit(EXIT_FAILURE);
    }
    message->nrefs = 1;
    message->size = size;
    session->partial = message;
  }
  memcpy(message->octets + LWS_PRE + have, data, len);
  message->len = have + len;
}

/* Returns other than 0 to end the connection. */
static int receive(session_t *session, const void *data, size_t len) {
  struct lws *wsi = session->wsi;
  size_t remaining = lws_remaining_packet_payload(wsi);
  if (session->partial == NULL || session->partial->len + len <= PEER_MAX_MESSAGE) {
    append(session, data, len, remaining);
  } else {
    return -1;
  }
  if (remaining > 0 || !lws_is_final_fragment(wsi)) {
    return 0;
  }
  message_t *message = session->partial;
  session->partial = NULL;
  message->type = lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
  if (opt.broadcast) {
    for (session_t *each = sessions; each != NULL; each = each->next) {
      queue(each, message);
    }
  } else {
    queue(session, message);
  }
  release(message);
  return 0;
}

static int write_one(session_t *session) {
  if (session->head == NULL) {
    return 0;
  }
  message_t *message = take_first(session);
  int written = lws_write(session->wsi, message->octets + LWS_PRE, message->len, message->type);
  release(message);
  if (session->is_held && session->nqueued <= QUEUE_LIMIT / 2) {
    session->is_held = 0;
    (void)lws_rx_flow_control(session->wsi, 1);
  }
  if (session->head != NULL) {
    (void)lws_callback_on_writable(session->wsi);
  }
  return written < 0 ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t len) {
  session_t *session = user;
  switch (reason) {
  case LWS_CALLBACK_ESTABLISHED:
    begin_session(session, wsi);
    return 0;
  case LWS_CALLBACK_RECEIVE:
    return receive(session, data, len);
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return write_one(session);
  case LWS_CALLBACK_CLOSED:
    end_session(session);
    return 0;
  default:
    return lws_callback_http_dummy(wsi, reason, user, data, len);
  }
}

static const struct lws_protocols protocols[] = {
    {.name = "any",
     .callback = on_event,
     .per_session_data_size = sizeof(session_t),
     .rx_buffer_size = RX_SIZE},
    {.name = NULL},
};

/* Its own handler of libuv's would leave the loop running. */
static void on_signal(void *handle, int number) {
  (void)handle;
  (void)number;
  exit(EXIT_SUCCESS);
}

static struct lws_context *start(void) {
  struct lws_context_creation_info info = {.iface = "127.0.0.1",
                                           .port = opt.port,
                                           .protocols = protocols,
                                           .signal_cb = on_signal,
                                           .gid = -1,
                                           .uid = -1,
                                           .count_threads = 1,
                                           .pt_serv_buf_size = RX_SIZE};
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                 LWS_SERVER_OPTION_DISABLE_IPV6;
  info.options |= opt.libuv ? LWS_SERVER_OPTION_LIBUV : 0;
  if (opt.cert_file != NULL) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = opt.cert_file;
    info.ssl_private_key_filepath = opt.key_file;
  }
  struct lws_context *context = lws_create_context(&info);
  struct lws_vhost *vhost = context == NULL ? NULL : lws_create_vhost(context, &info);
  if (vhost == NULL) {
    (void)fprintf(stderr, "bench_peer_libwebsockets: cannot start\n");
    exit(EXIT_FAILURE);
  }
  peer_say_port(lws_get_vhost_listen_port(vhost));
  return context;
}

int main(int argc, char **argv) {
  peer_take_options(&opt, argc, argv, PEER_CAN_BROADCAST | PEER_CAN_TLS | PEER_CAN_LIBUV);
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context *context = start();
  while (lws_service(context, 0) >= 0) {
  }
  return EXIT_SUCCESS;
}
