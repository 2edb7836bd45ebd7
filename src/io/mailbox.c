#include "io/mailbox.h"

#include <assert.h>

#include "wsuv/errno.h"

/* So many a turn, then the sockets have their say: who posts for ever does not stop the loop. */
#define MAX_RUNS 256

/* Moves the first MAX_RUNS, or all, from those that wait. What stays brings the next wake-up along. */
static void take_batch(struct wsuv__mailbox *mailbox, struct wsuv__list *batch) {
  size_t n;

  uv_mutex_lock(&mailbox->lock);
  for (n = 0; n < MAX_RUNS && !wsuv__list_is_empty(&mailbox->waiting); n++) {
    struct wsuv__list *node = mailbox->waiting.next;
    wsuv__list_remove(node);
    wsuv__list_append(batch, node);
  }
  mailbox->nwaiting -= n;
  mailbox->woken = mailbox->nwaiting > 0;
  if (mailbox->woken)
    (void)uv_async_send(&mailbox->async);
  uv_mutex_unlock(&mailbox->lock);
}

/* Any of them may close the mailbox: the rest is canceled. */
static void run_batch(struct wsuv__mailbox *mailbox, struct wsuv__list *batch) {
  while (!wsuv__list_is_empty(batch)) {
    struct wsuv__mail *mail = WSUV__LIST_ENTRY(batch->next, struct wsuv__mail, link);
    wsuv__list_remove(&mail->link);
    mail->run(mail, mailbox->state == MAILBOX_CLOSED ? WSUV_ECANCELED : 0);
  }
}

static void on_wake_up(uv_async_t *async) {
  struct wsuv__mailbox *mailbox = WSUV__LIST_ENTRY(async, struct wsuv__mailbox, async);
  struct wsuv__list batch;

  wsuv__list_init(&batch);
  take_batch(mailbox, &batch);
  run_batch(mailbox, &batch);
}

int wsuv__mailbox_init(struct wsuv__mailbox *mailbox, uv_loop_t *uv) {
  int err = uv_mutex_init(&mailbox->lock);

  if (err != 0)
    return err;
  err = uv_async_init(uv, &mailbox->async, on_wake_up);
  if (err != 0) {
    uv_mutex_destroy(&mailbox->lock);
    return err;
  }
  uv_unref((uv_handle_t *)&mailbox->async);
  wsuv__list_init(&mailbox->waiting);
  mailbox->nwaiting = 0;
  mailbox->max = SIZE_MAX;
  mailbox->woken = 0;
  mailbox->state = MAILBOX_OPEN;
  return 0;
}

static int judge(const struct wsuv__mailbox *mailbox) {
  if (mailbox->state == MAILBOX_CLOSED)
    return WSUV_ESTATE;
  return mailbox->nwaiting < mailbox->max ? 0 : WSUV_EQUEUEFULL;
}

/* The async is not closed while the lock is held and the mailbox open: it may be sent. */
static void append(struct wsuv__mailbox *mailbox, struct wsuv__mail *mail) {
  wsuv__list_append(&mailbox->waiting, &mail->link);
  mailbox->nwaiting++;
  if (mailbox->woken)
    return;
  mailbox->woken = 1;
  (void)uv_async_send(&mailbox->async);
}

int wsuv__mailbox_put(struct wsuv__mailbox *mailbox, struct wsuv__mail *mail) {
  return wsuv__mailbox_put_all(&mailbox, &mail, 1);
}

/* All the locks at once: nobody sees it in one mailbox before it is in all. */
int wsuv__mailbox_put_all(struct wsuv__mailbox *const *mailboxes, struct wsuv__mail *const *mails,
                          size_t n) {
  int err = 0;
  size_t i;

  for (i = 0; i < n; i++)
    uv_mutex_lock(&mailboxes[i]->lock);
  for (i = 0; i < n && err == 0; i++)
    err = judge(mailboxes[i]);
  for (i = 0; i < n && err == 0; i++)
    append(mailboxes[i], mails[i]);
  for (i = n; i > 0; i--)
    uv_mutex_unlock(&mailboxes[i - 1]->lock);
  return err;
}

void wsuv__mailbox_close(struct wsuv__mailbox *mailbox) {
  uv_mutex_lock(&mailbox->lock);
  mailbox->state = MAILBOX_CLOSED;
  uv_mutex_unlock(&mailbox->lock);
}

/* Nobody else puts anything in any more. */
void wsuv__mailbox_end(struct wsuv__mailbox *mailbox) {
  assert(mailbox->state == MAILBOX_CLOSED);
  mailbox->nwaiting = 0;
  run_batch(mailbox, &mailbox->waiting);
}

void wsuv__mailbox_free(struct wsuv__mailbox *mailbox) {
  uv_mutex_destroy(&mailbox->lock);
}
