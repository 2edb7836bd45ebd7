/* The three files of the chat page, read once at start, and the answers to ordinary HTTP requests. */
#ifndef SAMPLES_WEB_FILES_H
#define SAMPLES_WEB_FILES_H

#include <wsuv.h>

enum { WEB_FILES_COUNT = 3 };

typedef struct web_files {
  char *content[WEB_FILES_COUNT];
  size_t len[WEB_FILES_COUNT];
} web_files_t;

/* Reads the files from the folder; 0, or an error of libuv and the name of the file in question. */
int web_files_load(web_files_t *files, const char *folder, const char **name);
void web_files_free(web_files_t *files);

/* Answers the request: a file, 404 for any other path, 405 for methods other than GET and HEAD. */
void web_files_answer(const web_files_t *files, wsuv_upgrade_t *request);

/* Answers with a status and one line of text. */
void web_files_refuse(wsuv_upgrade_t *request, int status, const char *text);

/* Non-zero if the request's target is `path`, with or without a query. */
int web_files_target_is(const wsuv_upgrade_t *request, const char *path);

#endif
