/* Octets from a file descriptor on a libuv loop, whatever the descriptor is: terminal, pipe, socket or file. */
#ifndef SAMPLES_BYTE_READER_H
#define SAMPLES_BYTE_READER_H

#include <stddef.h>
#include <uv.h>

/* At most so many octets come at a time. */
enum { BYTE_READER_SIZE = 64 * 1024 };

/* Where a reader is. */
typedef enum byte_reader_state {
  BYTE_READER_ENDED,  /* the last octets came, or it was closed; also a zeroed struct */
  BYTE_READER_PAUSED, /* may be resumed */
  BYTE_READER_READING /* octets come */
} byte_reader_state_t;

typedef struct byte_reader byte_reader_t;

struct byte_reader {
  void *data; /* the user's */

  /* What one read brought; valid until it returns. */
  void (*on_bytes)(byte_reader_t *reader, const char *bytes, size_t len);

  /* No more octets: `status` is 0 at the end of the input, else why it could not be read. */
  void (*on_end)(byte_reader_t *reader, int status);

  /* The rest is the reader's. */
  uv_loop_t *loop;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tty_t tty;
    uv_tcp_t tcp;
  } input;
  int is_file; /* read by fs_req; `input` is not used */
  int fs_busy; /* fs_req is under way */
  int fd;
  int fd_flags; /* as they were: the descriptor may be shared with other programs; -1: none to restore */
  uv_fs_t fs_req;
  byte_reader_state_t state;
  char bytes[BYTE_READER_SIZE];
};

/* Starts paused. 0 or an error of libuv; byte_reader_close is due in any case. */
int byte_reader_init(byte_reader_t *reader, uv_loop_t *loop, int fd,
                     void (*on_bytes)(byte_reader_t *reader, const char *bytes, size_t len),
                     void (*on_end)(byte_reader_t *reader, int status));

/* Harmless when repeated and after the end. A read from a file that is under way at a pause still comes. */
void byte_reader_resume(byte_reader_t *reader);
void byte_reader_pause(byte_reader_t *reader);

/* No callback comes any more. The struct must stay until the loop ran to its end. Harmless when repeated. */
void byte_reader_close(byte_reader_t *reader);

#endif
