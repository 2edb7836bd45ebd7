#include "proto/outbox_request.h"

#include <string.h>

#include "proto/frame.h"
#include "proto/outbox_entry.h"

static void append_entry(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                         const struct wsuv__outbox_frame *frame, enum wsuv__outbox_memory memory) {
  memset(entry, 0, sizeof *entry);
  entry->memory = (uint8_t)memory;
  entry->data = frame->payload;
  entry->len = frame->payload_len;
  entry->header_len = (uint8_t)frame->head_len;
  (void)wsuv__frame_put_header(entry->header, frame->header);
  wsuv__outbox_entry_link(outbox, &outbox->entries, entry);
  outbox->queued += wsuv__outbox_entry_total(entry);
}

int wsuv__outbox_append_owned(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                              const wsuv_frame_header_t *header, uint8_t *payload, size_t len) {
  struct wsuv__outbox_frame frame;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  if (err != 0) {
    wsuv__release(outbox->allocator, payload);
    return err;
  }
  if (header->masked)
    wsuv_mask(payload, payload, len, header->masking_key, 0);
  append_entry(outbox, entry, &frame, OUTBOX_COPIED);
  return 0;
}

int wsuv__outbox_append_request(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                                const wsuv_frame_header_t *header, const void *payload,
                                size_t len) {
  struct wsuv__outbox_frame frame;
  uint8_t *copy;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  if (err != 0)
    return err;
  if (!header->masked) {
    append_entry(outbox, entry, &frame, OUTBOX_BORROWED);
    return 0;
  }
  copy = wsuv__alloc(outbox->allocator, len + 1);
  if (copy == NULL)
    return WSUV_ENOMEM;
  if (len > 0)
    memcpy(copy, payload, len);
  return wsuv__outbox_append_owned(outbox, entry, header, copy, len);
}
