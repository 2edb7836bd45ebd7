#include "proto/outbox.h"

#include <assert.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/outbox_entry.h"

/* From here on a payload is written by reference instead of being copied into the cork. */
#define LARGE_PAYLOAD 16384u

void wsuv__outbox_init(struct wsuv__outbox *outbox, const wsuv_allocator_t *a) {
  memset(outbox, 0, sizeof *outbox);
  wsuv__list_init(&outbox->entries);
  wsuv__list_init(&outbox->done);
  wsuv__list_init(&outbox->droppables);
  outbox->allocator = a;
}

void wsuv__outbox_set_writer(struct wsuv__outbox *outbox, wsuv__outbox_write write, void *arg) {
  outbox->write = write;
  outbox->write_arg = arg;
}

int wsuv__outbox_prepare_frame(const struct wsuv__outbox *outbox, struct wsuv__outbox_frame *frame,
                               const wsuv_frame_header_t *header, const void *payload, size_t len) {
  if (outbox->state != OUTBOX_OPEN &&
      !(outbox->state == OUTBOX_SEALED && header->opcode == WSUV_PONG))
    return WSUV_ESTATE;
  if (len > SIZE_MAX - WSUV_FRAME_HEADER_MAX)
    return WSUV_ENOMEM;
  frame->header = header;
  frame->payload = payload;
  frame->payload_len = len;
  frame->head_len = wsuv__frame_header_len(header);
  return wsuv__frame_judge_header(header);
}

void wsuv__outbox_put_frame(uint8_t *dst, const struct wsuv__outbox_frame *frame) {
  dst = wsuv__frame_put_header(dst, frame->header);
  if (frame->payload_len == 0)
    return;
  if (frame->header->masked)
    wsuv_mask(dst, frame->payload, frame->payload_len, frame->header->masking_key, 0);
  else
    memcpy(dst, frame->payload, frame->payload_len);
}

/* The last entry, if that can grow by `len` octets. */
static struct wsuv__outbox_entry *last_with_room(struct wsuv__outbox *outbox, size_t len) {
  struct wsuv__outbox_entry *entry;

  if (wsuv__list_is_empty(&outbox->entries))
    return NULL;
  entry = wsuv__outbox_entry_of(outbox->entries.prev);
  return entry->cap >= entry->len && entry->cap - entry->len >= len ? entry : NULL;
}

/* Large once a block is full; behind what stands alone (a request, a control frame, a message that may go) no larger than
 * needed, since that may go on in turns. */
static size_t block_size(const struct wsuv__outbox *outbox) {
  const struct wsuv__outbox_entry *last;

  if (wsuv__list_is_empty(&outbox->entries))
    return WSUV__OUTBOX_BLOCK;
  last = wsuv__outbox_entry_of(outbox->entries.prev);
  return last->memory == OUTBOX_INLINE && last->cap > 0 ? WSUV__OUTBOX_BACKLOG : 0;
}

/* Room at the end of the queue: behind the last entry where that can grow, else in a new one. */
static uint8_t *room_at_end(struct wsuv__outbox *outbox, size_t len) {
  struct wsuv__outbox_entry *entry = last_with_room(outbox, len);
  uint8_t *room;

  if (entry == NULL) {
    entry = wsuv__outbox_entry_new(outbox->allocator, len, block_size(outbox));
    if (entry == NULL)
      return NULL;
    wsuv__outbox_entry_link(outbox, &outbox->entries, entry);
  }
  room = wsuv__outbox_entry_memory(entry) + entry->len;
  entry->len += len;
  outbox->queued += len;
  return room;
}

static int queue_frame(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame) {
  uint8_t *room = room_at_end(outbox, frame->head_len + frame->payload_len);

  if (room == NULL)
    return WSUV_ENOMEM;
  wsuv__outbox_put_frame(room, frame);
  return 0;
}

/* Keeps, at the front, what the writer left of bytes that are nowhere else. The first `boundary` of them end a frame that
 * has begun to leave: if they cannot be kept, the stream is broken for good. */
static int keep_rest(struct wsuv__outbox *outbox, const wsuv_span_t *rest, size_t nrest,
                     size_t boundary) {
  struct wsuv__outbox_entry *entry;
  size_t total = 0;
  size_t i;

  for (i = 0; i < nrest; i++)
    total += rest[i].len;
  if (total == 0)
    return 0;
  entry = wsuv__outbox_entry_new(outbox->allocator, total, WSUV__OUTBOX_BLOCK);
  if (entry == NULL) {
    outbox->state = OUTBOX_DEAD;
    return WSUV_ENOMEM;
  }
  for (i = 0; i < nrest; i++) {
    if (rest[i].len > 0)
      memcpy(wsuv__outbox_entry_memory(entry) + entry->len, rest[i].data, rest[i].len);
    entry->len += rest[i].len;
  }
  entry->boundary = boundary;
  wsuv__outbox_entry_link(outbox, outbox->entries.next, entry);
  outbox->queued += entry->len;
  return 0;
}

static void empty_cork(struct wsuv__outbox *outbox) {
  if (outbox->cork == NULL)
    return;
  outbox->cork->len = 0;
  outbox->cork->head_len = 0;
}

static int keep_cork_rest(struct wsuv__outbox *outbox, size_t written) {
  struct wsuv__cork *cork = outbox->cork;
  wsuv_span_t rest = {cork->base + written, cork->len - written};
  size_t frame_end = cork->head_len;

  while (frame_end < written)
    frame_end += wsuv__frame_total_len(cork->base + frame_end);
  empty_cork(outbox);
  return keep_rest(outbox, &rest, 1, frame_end - written);
}

static size_t cork_len(const struct wsuv__outbox *outbox) {
  return outbox->cork != NULL ? outbox->cork->len : 0;
}

static int may_write_now(const struct wsuv__outbox *outbox) {
  return outbox->write != NULL && outbox->window == 0 && outbox->state != OUTBOX_DEAD;
}

/* The cork's content as the first span, if there is any. */
static size_t cork_span(const struct wsuv__outbox *outbox, wsuv_span_t *span) {
  span->data = outbox->cork != NULL ? outbox->cork->base : NULL;
  span->len = cork_len(outbox);
  return span->len > 0;
}

static size_t take_spans(const struct wsuv__outbox_entry *entry, wsuv_span_t *spans,
                         size_t nspans) {
  wsuv_span_t own[2];
  size_t n = wsuv__outbox_entry_spans(entry, own);
  size_t i;

  if (n > nspans)
    n = nspans;
  for (i = 0; i < n; i++)
    spans[i] = own[i];
  return n;
}

static size_t entry_spans(const struct wsuv__outbox *outbox, wsuv_span_t *spans, size_t nspans) {
  struct wsuv__list *node;
  size_t n = 0;

  for (node = outbox->entries.next; node != &outbox->entries && n < nspans; node = node->next)
    n += take_spans(wsuv__outbox_entry_of(node), spans + n, nspans - n);
  return n;
}

static size_t total_len(const wsuv_span_t *spans, size_t n) {
  size_t total = 0;
  size_t i;

  for (i = 0; i < n; i++)
    total += spans[i].len;
  return total;
}

/* Non-zero when everything that was offered was taken, and there is more. */
static int flush_once(struct wsuv__outbox *outbox, int *err) {
  wsuv_span_t spans[WSUV__OUTBOX_MAX_SPANS];
  size_t corked = cork_len(outbox);
  size_t written;
  size_t n;

  spans[0].data = NULL; /* where there is nothing to write there is a span of nothing */
  spans[0].len = 0;
  n = cork_span(outbox, spans);
  n += entry_spans(outbox, spans + n, WSUV__OUTBOX_MAX_SPANS - n);
  written = outbox->write(outbox->write_arg, spans, n);
  if (written < corked) {
    outbox->is_stuck = 1;
    *err = keep_cork_rest(outbox, written);
    return 0;
  }
  empty_cork(outbox);
  wsuv__outbox_consume(outbox, written - corked);
  outbox->is_stuck = outbox->queued > 0 && written < total_len(spans, n);
  return outbox->queued > 0 && !outbox->is_stuck;
}

int wsuv__outbox_keep_cork(struct wsuv__outbox *outbox, size_t written) {
  return keep_cork_rest(outbox, written);
}

static int flush_cork(struct wsuv__outbox *outbox) {
  wsuv_span_t span = {outbox->cork->base, outbox->cork->len};

  return wsuv__outbox_cork_written(outbox, outbox->write(outbox->write_arg, &span, 1));
}

int wsuv__outbox_flush(struct wsuv__outbox *outbox) {
  int err = 0;

  if (wsuv__outbox_waiting(outbox) == 0 || !may_write_now(outbox))
    return 0;
  if (outbox->queued == 0)
    return flush_cork(outbox);
  while (flush_once(outbox, &err) && may_write_now(outbox))
    continue;
  return err;
}

/* A large payload leaves from where it lies, behind what the cork holds; only what the writer does not take is copied. */
static int write_through(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame) {
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  wsuv_span_t spans[3];
  wsuv_span_t *own;
  size_t corked = cork_len(outbox);
  size_t n = cork_span(outbox, spans);
  size_t written;
  size_t from_head;

  (void)wsuv__frame_put_header(head, frame->header);
  own = spans + n;
  own[0].data = head;
  own[0].len = frame->head_len;
  own[1].data = frame->payload;
  own[1].len = frame->payload_len;
  written = outbox->write(outbox->write_arg, spans, n + 2);
  if (written < corked) {
    int err = keep_cork_rest(outbox, written);
    return err != 0 ? err : queue_frame(outbox, frame);
  }
  empty_cork(outbox);
  written -= corked;
  if (written == 0)
    return queue_frame(outbox, frame);
  from_head = written < frame->head_len ? written : frame->head_len;
  own[0].data += from_head;
  own[0].len -= from_head;
  own[1].data += written - from_head;
  own[1].len -= written - from_head;
  return keep_rest(outbox, own, 2, own[0].len + own[1].len);
}

/* Into the cork, while nothing waits in front of it. 0: no room there. */
static int put_into_cork(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame) {
  size_t total = frame->head_len + frame->payload_len;
  struct wsuv__cork *cork = outbox->cork;

  if (cork == NULL || !wsuv__list_is_empty(&outbox->entries) || cork->cap - cork->len < total)
    return 0;
  wsuv__outbox_put_frame(cork->base + cork->len, frame);
  cork->len += total;
  return 1;
}

int wsuv__outbox_cork_frame(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame) {
  int err;

  if (put_into_cork(outbox, frame))
    return 1;
  if (!wsuv__list_is_empty(&outbox->entries))
    return 0;
  err = wsuv__outbox_flush(outbox);
  return err != 0 ? err : put_into_cork(outbox, frame);
}

static int append_frame(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame) {
  int rc = put_into_cork(outbox, frame);

  if (rc == 0 && wsuv__list_is_empty(&outbox->entries) && frame->payload_len >= LARGE_PAYLOAD &&
      !frame->header->masked && may_write_now(outbox))
    return write_through(outbox, frame);
  if (rc == 0)
    rc = wsuv__outbox_cork_frame(outbox, frame);
  if (rc != 0)
    return rc < 0 ? rc : 0;
  return queue_frame(outbox, frame);
}

int wsuv__outbox_append(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                        const void *payload, size_t len) {
  struct wsuv__outbox_frame frame;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  return err != 0 ? err : append_frame(outbox, &frame);
}

/* A head is the first thing on a connection. In the cork it leaves together with the first frames. */
int wsuv__outbox_append_raw(struct wsuv__outbox *outbox, const void *data, size_t len) {
  struct wsuv__cork *cork = outbox->cork;
  uint8_t *room;

  if (outbox->state != OUTBOX_OPEN)
    return WSUV_ESTATE;
  assert(cork_len(outbox) == 0 && wsuv__list_is_empty(&outbox->entries));
  if (cork != NULL && len <= cork->cap) {
    memcpy(cork->base, data, len);
    cork->len = len;
    cork->head_len = len;
    return 0;
  }
  room = room_at_end(outbox, len);
  if (room == NULL)
    return WSUV_ENOMEM;
  memcpy(room, data, len);
  wsuv__outbox_entry_of(outbox->entries.prev)->boundary = len;
  return 0;
}

void wsuv__outbox_seal(struct wsuv__outbox *outbox) {
  if (outbox->state == OUTBOX_OPEN)
    outbox->state = OUTBOX_SEALED;
}

void wsuv__outbox_lend_cork(struct wsuv__outbox *outbox, struct wsuv__cork *cork) {
  assert(outbox->cork == NULL && cork->len == 0);
  outbox->cork = cork;
}

int wsuv__outbox_empty_cork(struct wsuv__outbox *outbox) {
  int err = wsuv__outbox_flush(outbox);

  if (err == 0 && outbox->cork->len > 0)
    err = keep_cork_rest(outbox, 0);
  empty_cork(outbox);
  return err;
}

/* What may still go is handed out alone: it cannot be taken back. */
size_t wsuv__outbox_gather(struct wsuv__outbox *outbox, wsuv_span_t *spans, size_t nspans) {
  struct wsuv__list *node = outbox->entries.next;
  size_t n = 0;

  while (node != &outbox->entries && n < nspans) {
    struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(node);
    int may_go = entry->keeping != KEEPING_ALWAYS;
    if (may_go && n > 0)
      break;
    wsuv__outbox_entry_fix(outbox, entry);
    n += take_spans(entry, spans + n, nspans - n);
    node = may_go ? &outbox->entries : node->next;
  }
  outbox->window = total_len(spans, n);
  outbox->is_stuck = 0; /* from here on the window says it */
  return n;
}

void wsuv__outbox_consume(struct wsuv__outbox *outbox, size_t written) {
  outbox->window = 0;
  outbox->queued -= written;
  while (!wsuv__list_is_empty(&outbox->entries)) {
    struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(outbox->entries.next);
    size_t remaining = wsuv__outbox_entry_remaining(entry);
    if (written > 0)
      outbox->has_moved = 1;
    if (written < remaining) {
      entry->off += written;
      if (written > 0)
        wsuv__outbox_entry_fix(outbox, entry);
      return;
    }
    written -= remaining;
    wsuv__outbox_entry_end(outbox, entry, 0);
  }
}
