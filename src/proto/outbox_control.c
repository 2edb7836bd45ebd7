/* Control frames in the write queue: where they may go in between (RFC 6455 5.4, 5.5), and what a Close makes of the rest. */
#include <assert.h>
#include <string.h>

#include "proto/outbox_entry.h"

/* Makes the place `at` octets into the entry its end; what lies behind becomes an entry of its own. */
static int split_entry(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry, size_t at) {
  size_t rest = entry->len - at;
  struct wsuv__outbox_entry *tail = wsuv__outbox_entry_new(outbox->allocator, rest, 0);

  if (tail == NULL)
    return WSUV_ENOMEM;
  memcpy(wsuv__outbox_entry_memory(tail), entry->data + at, rest);
  tail->len = rest;
  entry->len = at;
  entry->cap = 0;
  wsuv__outbox_entry_link(outbox, entry->link.next, tail);
  return 0;
}

/* Where a control frame goes: behind what is pinned, behind the frame that has begun to leave, behind other control frames.
 * Where a block cannot be split for lack of memory it goes behind the block: later, but still right. */
static struct wsuv__list *control_position(struct wsuv__outbox *outbox) {
  struct wsuv__list *node = outbox->entries.next;
  size_t pinned = outbox->window;

  while (node != &outbox->entries &&
         pinned >= wsuv__outbox_entry_remaining(wsuv__outbox_entry_of(node))) {
    pinned -= wsuv__outbox_entry_remaining(wsuv__outbox_entry_of(node));
    node = node->next;
  }
  if (node != &outbox->entries) {
    struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(node);
    size_t boundary = wsuv__outbox_entry_boundary(entry, entry->off + pinned);
    if (boundary > 0) {
      if (boundary < wsuv__outbox_entry_total(entry))
        (void)split_entry(outbox, entry, boundary);
      node = node->next;
    }
  }
  while (node != &outbox->entries && wsuv__outbox_entry_of(node)->control != 0)
    node = node->next;
  return node;
}

/* The last Pong that has not begun to leave. Control frames stand in front of the data that waits, of which there may be
 * much. */
static struct wsuv__outbox_entry *waiting_pong(struct wsuv__outbox *outbox) {
  struct wsuv__outbox_entry *last = NULL;
  struct wsuv__list *node;
  size_t before = 0;

  for (node = outbox->entries.next; node != &outbox->entries; node = node->next) {
    struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(node);
    int waits = entry->off == 0 && before >= outbox->window;
    if (waits && entry->control == 0)
      break;
    if (waits && entry->control == WSUV_PONG)
      last = entry;
    before += wsuv__outbox_entry_remaining(entry);
  }
  return last;
}

static struct wsuv__outbox_entry *control_entry(struct wsuv__outbox *outbox,
                                                const wsuv_frame_header_t *header) {
  size_t need = WSUV_FRAME_HEADER_MAX + (size_t)header->payload_len;
  struct wsuv__outbox_entry *entry = NULL;

  if (header->opcode == WSUV_PONG)
    entry = waiting_pong(outbox);
  if (entry != NULL) {
    outbox->queued -= entry->len;
    return entry;
  }
  if (header->opcode == WSUV_PONG)
    need = WSUV_FRAME_HEADER_MAX + WSUV_CONTROL_PAYLOAD_MAX; /* a later one may take its place */
  entry = wsuv__outbox_entry_new(outbox->allocator, need, 0);
  if (entry == NULL)
    return NULL;
  wsuv__outbox_entry_link(outbox, control_position(outbox), entry);
  entry->control = header->opcode;
  entry->cap = 0; /* nothing is appended to a control frame */
  return entry;
}

static struct wsuv__outbox_entry *queue_control(struct wsuv__outbox *outbox,
                                                const struct wsuv__outbox_frame *frame) {
  struct wsuv__outbox_entry *entry = control_entry(outbox, frame->header);

  if (entry == NULL)
    return NULL;
  wsuv__outbox_put_frame(wsuv__outbox_entry_memory(entry), frame);
  entry->len = frame->head_len + frame->payload_len;
  outbox->queued += entry->len;
  return entry;
}

int wsuv__outbox_append_control(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                                const void *payload, size_t len) {
  struct wsuv__outbox_frame frame;
  struct wsuv__outbox_entry *entry;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  if (err != 0)
    return err;
  err = wsuv__outbox_cork_frame(outbox, &frame);
  if (err != 0)
    return err < 0 ? err : 0;
  entry = queue_control(outbox, &frame);
  return entry != NULL ? 0 : WSUV_ENOMEM;
}

int wsuv__outbox_append_heartbeat(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                                  const void *payload, size_t len) {
  struct wsuv__outbox_frame frame;
  struct wsuv__outbox_entry *entry;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  if (err != 0)
    return err;
  entry = queue_control(outbox, &frame);
  if (entry == NULL)
    return WSUV_ENOMEM;
  entry->is_heartbeat = 1;
  outbox->nheartbeats++;
  return 0;
}

void wsuv__outbox_drop_waiting(struct wsuv__outbox *outbox) {
  struct wsuv__list *node = control_position(outbox);

  while (node != &outbox->entries) {
    struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(node);
    node = node->next;
    if (entry->control != 0)
      continue;
    outbox->queued -= wsuv__outbox_entry_remaining(entry);
    wsuv__outbox_entry_end(outbox, entry, WSUV_ECANCELED);
  }
}

void wsuv__outbox_cancel(struct wsuv__outbox *outbox) {
  assert(outbox->window == 0);
  while (!wsuv__list_is_empty(&outbox->entries))
    wsuv__outbox_entry_end(outbox, wsuv__outbox_entry_of(outbox->entries.next), WSUV_ECANCELED);
  outbox->queued = 0;
  outbox->state = OUTBOX_DEAD;
  wsuv__release(outbox->allocator, outbox->keys); /* left where a send failed behind its making */
  outbox->keys = NULL;
}
