/* The files of a web page, read once at start, and the answers to ordinary HTTP requests. */
#ifndef SAMPLES_WEB_FILES_H
#define SAMPLES_WEB_FILES_H

#include <wsuv.h>

typedef struct web_file {
  const char *path; /* in the URL: "/" */
  const char *name; /* in the folder: "index.html" */
  const char *type; /* "text/html; charset=utf-8" */
  char *content;    /* from here on set by web_files_load */
  size_t len;
} web_file_t;

typedef struct web_files {
  const web_file_t *list;
  size_t count;
  const char *policy; /* Content-Security-Policy */
  const char *where;  /* what is at /, for who asks for something else: "The chat" */
} web_files_t;

/* Reads the files from the folder; 0, or an error of libuv and the name of the file in question. */
int web_files_load(web_file_t *list, size_t count, const char *folder, const char **name);
void web_files_free(web_file_t *list, size_t count);

/* Answers the request: a file, 404 for any other path, 405 for methods other than GET and HEAD. */
void web_files_answer(const web_files_t *files, wsuv_upgrade_t *request);

/* Answers with a status and one line of text. */
void web_files_refuse(wsuv_upgrade_t *request, int status, const char *text);

/* Non-zero if the request's target is `path`, with or without a query. */
int web_files_target_is(const wsuv_upgrade_t *request, const char *path);

#endif
