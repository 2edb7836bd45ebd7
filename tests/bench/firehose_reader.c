#include "firehose_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "ws_client.h"

#define KEYS      64
#define PAYLOAD   1024
#define READ_SIZE ((size_t)64 << 10)

static struct {
  const char *policy;
  unsigned char buf[READ_SIZE];
  size_t len;
  uint64_t n;
  uint64_t newest[KEYS]; /* number + 1 */
  uint64_t last;         /* number + 1 */
  int close_code;
} reader;

int firehose_reader_knows(const char *policy) {
  static const char *const known[] = {"refuse", "drop-oldest", "keep-latest", "close"};
  size_t i = 0;
  while (i < sizeof known / sizeof known[0] && strcmp(policy, known[i]) != 0) {
    i++;
  }
  return i < sizeof known / sizeof known[0];
}

void firehose_reader_start(const char *policy) {
  memset(&reader, 0, sizeof reader);
  reader.policy = policy;
}

static int is_policy(const char *name) {
  return strcmp(reader.policy, name) == 0;
}

static void take_message(const unsigned char *payload) {
  uint64_t number;
  memcpy(&number, payload, sizeof number);
  uint64_t *newest = &reader.newest[number % KEYS];
  if (number < (is_policy("keep-latest") ? *newest : reader.last)) {
    die("a message is out of order, or came twice");
  }
  *newest = number + 1;
  reader.last = number + 1;
  reader.n++;
}

/* Takes whole frames off the front; returns how many octets. */
static size_t take_frames(void) {
  size_t at = 0;
  size_t head_len = 0;
  size_t n;
  errno = 0;
  while (reader.close_code == 0 &&
         (n = ws_whole_frame(reader.buf + at, reader.len - at, &head_len)) > 0) {
    const unsigned char *payload = reader.buf + at + head_len;
    if (reader.buf[at] == WS_FIRST_CLOSE && n - head_len >= 2) {
      reader.close_code = payload[0] << 8 | payload[1];
    } else if (reader.buf[at] == WS_FIRST_BINARY && n - head_len == PAYLOAD) {
      take_message(payload);
    } else {
      die("the reader got another frame");
    }
    at += n;
  }
  return at;
}

int firehose_reader_read(int fd) {
  ssize_t n = read(fd, reader.buf + reader.len, READ_SIZE - reader.len);
  if (n <= 0) {
    return 0;
  }
  reader.len += (size_t)n;
  size_t taken = take_frames();
  memmove(reader.buf, reader.buf + taken, reader.len - taken);
  reader.len -= taken;
  return reader.close_code == 0;
}

static int has_newest_of_each_key(uint64_t nsent) {
  for (int key = 0; key < KEYS; key++) {
    if (reader.newest[key] + KEYS <= nsent) {
      return 0;
    }
  }
  return 1;
}

uint64_t firehose_reader_judge(const firehose_report_t *told) {
  errno = 0;
  if (told->closed > 0 && is_policy("close")) {
    if (reader.close_code != 0 && reader.close_code != 1008) {
      die("the reader was not closed with 1008");
    }
    return reader.n;
  }
  if (reader.close_code != 1000 || reader.last > told->sent ||
      reader.n != told->sent - told->oldest - told->replaced - told->refused) {
    die("what came is not what was sent without what was dropped");
  }
  if (is_policy("keep-latest") && (told->refused > 0 || !has_newest_of_each_key(told->sent))) {
    die("the newest of each key did not come");
  }
  if (is_policy("drop-oldest") && reader.last != told->sent) {
    die("the newest did not come last");
  }
  return reader.n;
}
