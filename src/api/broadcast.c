#include "api/broadcast.h"

#include <string.h>

#include "wsuv/frame.h"

static void settle_letter(struct wsuv__broadcast *broadcast) {
  struct wsuv_threads *threads = broadcast->threads;
  int nleft;

  uv_mutex_lock(&threads->lock);
  nleft = --broadcast->nleft;
  uv_mutex_unlock(&threads->lock);
  if (nleft == 0)
    wsuv__release(&threads->allocator, broadcast);
}

static void open_letter(struct wsuv__mail *mail, int status) {
  struct wsuv__letter *letter = WSUV__LIST_ENTRY(mail, struct wsuv__letter, mail);
  struct wsuv__broadcast *broadcast = letter->of;

  broadcast->deliver(broadcast, letter->to, status);
  settle_letter(broadcast);
}

void *wsuv__broadcast_content(const struct wsuv__broadcast *broadcast) {
  return broadcast->mails + broadcast->threads->nloops;
}

struct wsuv__broadcast *wsuv__broadcast_new(struct wsuv_threads *threads, size_t size) {
  size_t n = (size_t)threads->nloops;
  size_t fixed = sizeof(struct wsuv__broadcast) +
                 n * (sizeof(struct wsuv__letter) + sizeof(struct wsuv__mail *));
  struct wsuv__broadcast *broadcast;
  size_t i;

  if (size > SIZE_MAX - fixed)
    return NULL;
  broadcast = wsuv__alloc(&threads->allocator, fixed + size);
  if (broadcast == NULL)
    return NULL;
  broadcast->threads = threads;
  broadcast->nleft = threads->nloops;
  broadcast->mails = (struct wsuv__mail **)(void *)&broadcast->letters[n];
  for (i = 0; i < n; i++) {
    broadcast->letters[i].mail.run = open_letter;
    broadcast->letters[i].to = &threads->each[i];
    broadcast->letters[i].of = broadcast;
    broadcast->mails[i] = &broadcast->letters[i].mail;
  }
  return broadcast;
}

/* The phase is RUNNING only while every loop is there. */
int wsuv__threads_post_all(struct wsuv_threads *threads, struct wsuv__broadcast *broadcast) {
  int err = WSUV_ESTATE;

  uv_mutex_lock(&threads->lock);
  if (threads->phase == THREADS_RUNNING)
    err = wsuv__mailbox_put_all(threads->mailboxes, broadcast->mails, (size_t)threads->nloops);
  uv_mutex_unlock(&threads->lock);
  if (err != 0)
    wsuv__release(&threads->allocator, broadcast);
  return err;
}

/* ---- a function ---- */

struct call {
  wsuv_post_cb cb;
  void *arg;
};

static void deliver_call(struct wsuv__broadcast *broadcast, struct wsuv__thread *to, int status) {
  const struct call *call = wsuv__broadcast_content(broadcast);

  call->cb(to->loop, call->arg, status);
}

int wsuv_threads_each(wsuv_threads_t *threads, wsuv_post_cb cb, void *arg) {
  struct wsuv__broadcast *broadcast;
  struct call *call;

  if (cb == NULL)
    return WSUV_EINVAL;
  broadcast = wsuv__broadcast_new(threads, sizeof *call);
  if (broadcast == NULL)
    return WSUV_ENOMEM;
  broadcast->deliver = deliver_call;
  call = wsuv__broadcast_content(broadcast);
  call->cb = cb;
  call->arg = arg;
  return wsuv__threads_post_all(threads, broadcast);
}

/* ---- a publication ---- */

struct publishing {
  wsuv__publish_fn publish;
  struct wsuv__publication what; /* its pointers are into the block */
};

static void deliver_publication(struct wsuv__broadcast *broadcast, struct wsuv__thread *to,
                                int status) {
  const struct publishing *publishing = wsuv__broadcast_content(broadcast);

  if (status == 0 && to->server != NULL)
    publishing->publish(to->server, &publishing->what);
}

/* Behind `publishing`: options first, which want to be aligned, then payload and topic. */
static void copy_publication(struct publishing *publishing, const struct wsuv__publication *from,
                             size_t options_size) {
  uint8_t *at = (uint8_t *)(publishing + 1);

  publishing->what = *from;
  if (from->options != NULL) {
    publishing->what.options = memcpy(at, from->options, options_size);
    at += options_size;
  }
  publishing->what.payload = at;
  if (from->len > 0)
    memcpy(at, from->payload, from->len);
  at += from->len;
  publishing->what.topic = memcpy(at, from->topic, strlen(from->topic) + 1);
}

int wsuv__threads_publish(struct wsuv_threads *threads, wsuv__publish_fn publish,
                          const struct wsuv__publication *publication, size_t options_size) {
  struct wsuv__broadcast *broadcast;
  struct publishing *publishing;
  size_t size;

  if (publication->topic == NULL || (publication->payload == NULL && publication->len > 0))
    return WSUV_EINVAL;
  size = sizeof *publishing + options_size + strlen(publication->topic) + 1;
  if (publication->len > SIZE_MAX - size)
    return WSUV_ENOMEM;
  broadcast = wsuv__broadcast_new(threads, size + publication->len);
  if (broadcast == NULL)
    return WSUV_ENOMEM;
  broadcast->deliver = deliver_publication;
  publishing = wsuv__broadcast_content(broadcast);
  publishing->publish = publish;
  copy_publication(publishing, publication, options_size);
  return wsuv__threads_post_all(threads, broadcast);
}

static void publish(wsuv_server_t *server, const struct wsuv__publication *publication) {
  (void)wsuv_server_publish(server, publication->topic, publication->type, publication->payload,
                            publication->len, publication->options, NULL);
}

/* What no loop would publish. The opcode may be one that connections claim, each its own. */
static int judge(const char *topic, wsuv_opcode_t type, const void *payload, size_t len,
                 const wsuv_publish_options_t *o) {
  if (wsuv__topic_judge(topic) != 0 || (payload == NULL && len > 0))
    return WSUV_EINVAL;
  if ((int)type < WSUV_TEXT || (int)type > 7)
    return WSUV_EINVAL;
  if (o != NULL &&
      (o->except != NULL || wsuv__publish_options_judge(o, WSUV_SEND_NO_COMPRESS) != 0))
    return WSUV_EINVAL;
  return type == WSUV_TEXT && !wsuv_utf8_is_valid(payload, len) ? WSUV_EENCODING : 0;
}

int wsuv_threads_publish(wsuv_threads_t *threads, const char *topic, wsuv_opcode_t type,
                         const void *payload, size_t len, const wsuv_publish_options_t *options) {
  const struct wsuv__publication publication = {topic, type, payload, len, options};
  int err = judge(topic, type, payload, len, options);

  if (err != 0)
    return err;
  return wsuv__threads_publish(threads, publish, &publication,
                               options != NULL ? sizeof *options : 0);
}
