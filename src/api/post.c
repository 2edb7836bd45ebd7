#include "wsuv/post.h"

#include <string.h>

#include "api/conn.h"
#include "wsuv/send.h"

/* What is posted: one block, which the loop's thread frees. */
struct post {
  struct wsuv__mail mail;
  wsuv_loop_t *loop;
  wsuv_post_cb cb;
  void *arg;
};

struct posted_send {
  struct wsuv__mail mail;
  wsuv_loop_t *loop;
  wsuv_conn_id_t id;
  wsuv_posted_cb cb;
  void *arg;
  wsuv_opcode_t type;
  int flags;
  size_t len;
  uint8_t payload[];
};

wsuv_conn_id_t wsuv_conn_id(wsuv_conn_t *conn) {
  wsuv_loop_t *loop = conn->loop;

  if (conn->id_number == 0)
    conn->id_number =
        wsuv__conn_ids_take(&loop->conn_ids, &loop->allocator, &loop->io.random, conn);
  return conn->id_number != 0 ? wsuv__conn_ids_id(&loop->conn_ids, conn->id_number) : 0;
}

wsuv_conn_t *wsuv_loop_conn(wsuv_loop_t *loop, wsuv_conn_id_t id) {
  return wsuv__conn_ids_find(&loop->conn_ids, id);
}

static void run_post(struct wsuv__mail *mail, int status) {
  struct post *post = WSUV__LIST_ENTRY(mail, struct post, mail);
  wsuv_loop_t *loop = post->loop;
  wsuv_post_cb cb = post->cb;
  void *arg = post->arg;

  wsuv__release(&loop->allocator, post);
  cb(loop, arg, status);
}

/* `block` holds the mail, and goes where it is not taken. */
static int put(wsuv_loop_t *loop, struct wsuv__mail *mail, void *block) {
  int err = wsuv__mailbox_put(&loop->io.mailbox, mail);

  if (err != 0)
    wsuv__release(&loop->allocator, block);
  return err;
}

int wsuv_loop_post(wsuv_loop_t *loop, wsuv_post_cb cb, void *arg) {
  struct post *post;

  if (cb == NULL)
    return WSUV_EINVAL;
  post = wsuv__alloc(&loop->allocator, sizeof *post);
  if (post == NULL)
    return WSUV_ENOMEM;
  post->mail.run = run_post;
  post->loop = loop;
  post->cb = cb;
  post->arg = arg;
  return put(loop, &post->mail, post);
}

static int send_posted(const struct posted_send *post) {
  wsuv_conn_t *conn = wsuv_loop_conn(post->loop, post->id);

  if (conn == NULL)
    return WSUV_EGONE;
  return wsuv_conn_send_message(conn, post->type, post->payload, post->len, post->flags);
}

static void run_send(struct wsuv__mail *mail, int status) {
  struct posted_send *post = WSUV__LIST_ENTRY(mail, struct posted_send, mail);
  wsuv_loop_t *loop = post->loop;
  wsuv_conn_id_t id = post->id;
  wsuv_posted_cb cb = post->cb;
  void *arg = post->arg;

  if (status == 0)
    status = send_posted(post);
  wsuv__release(&loop->allocator, post);
  if (cb != NULL)
    cb(loop, id, arg, status);
}

int wsuv_loop_post_send(wsuv_loop_t *loop, wsuv_conn_id_t id, wsuv_opcode_t type,
                        const void *payload, size_t len, int flags, wsuv_posted_cb cb, void *arg) {
  struct posted_send *post;

  if (payload == NULL && len > 0)
    return WSUV_EINVAL;
  post = len <= SIZE_MAX - sizeof *post ? wsuv__alloc(&loop->allocator, sizeof *post + len) : NULL;
  if (post == NULL)
    return WSUV_ENOMEM;
  post->mail.run = run_send;
  post->loop = loop;
  post->id = id;
  post->cb = cb;
  post->arg = arg;
  post->type = type;
  post->flags = flags;
  post->len = len;
  if (len > 0)
    memcpy(post->payload, payload, len);
  return put(loop, &post->mail, post);
}
