/* What an idle connection costs. A budget that is exceeded is raised here on purpose or not at all. The numbers are those of
 * 64-bit Linux; other systems have other handles. */
#include <stdio.h>

#include "api/conn_rest.h"
#include "proto/traffic.h"
#include "support/check.h"

struct size_row {
  const char *name;
  size_t size;
  size_t budget;
};

static const struct size_row sizes[] = {
    {"wsuv_conn: all of an idle connection over TCP", WSUV__CONN_TCP_SIZE, 520},
    {"wsuv__awake: of one that is not idle, beside that", sizeof(struct wsuv__awake), 544},
    {"wsuv_endpoint", sizeof(struct wsuv_endpoint), 472},
    {"wsuv__frame_parser", sizeof(struct wsuv__frame_parser), 48},
    {"wsuv__message", sizeof(struct wsuv__message), 48},
    {"wsuv__outbox", sizeof(struct wsuv__outbox), 120},
    {"wsuv__outbox_entry: beside every block that waits", sizeof(struct wsuv__outbox_entry), 112},
    {"wsuv__peer_close", sizeof(struct wsuv__peer_close), 128},
    {"wsuv__traffic: of every connection that is used", sizeof(struct wsuv__traffic), 224},
    {"wsuv__wheel_entry", sizeof(struct wsuv__wheel_entry), 32},
};

static void run_size(const void *data) {
  const struct size_row *row = data;
  print_message("%s: %zu of %zu octets\n", row->name, row->size, row->budget);
  if (sizeof(void *) == 8)
    CHECK_TRUE(row->size <= row->budget);
}

int main(void) {
  return CHECK_RUN_TABLE("struct sizes", sizes, run_size);
}
