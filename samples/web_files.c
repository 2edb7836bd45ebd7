#include "web_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 2 * 1024 * 1024 };

static int read_whole(FILE *file, char **content, size_t *len) {
  char *text = (char *)malloc(FILE_MAX);
  if (text == NULL)
    return UV_ENOMEM;
  *len = fread(text, 1, FILE_MAX, file);
  if (ferror(file) || *len == FILE_MAX) {
    int err = ferror(file) ? uv_translate_sys_error(errno) : UV_EFBIG;
    free(text);
    return err;
  }
  char *fitting = (char *)realloc(text, *len + 1);
  *content = fitting != NULL ? fitting : text;
  return 0;
}

int web_files_load(web_file_t *list, size_t count, const char *folder, const char **name) {
  for (size_t i = 0; i < count; i++) {
    char path[4096];
    *name = list[i].name;
    int n = snprintf(path, sizeof path, "%s/%s", folder, list[i].name);
    if (n < 0 || (size_t)n >= sizeof path)
      return UV_ENAMETOOLONG;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
      return uv_translate_sys_error(errno);
    int err = read_whole(file, &list[i].content, &list[i].len);
    fclose(file);
    if (err != 0)
      return err;
  }
  return 0;
}

void web_files_free(web_file_t *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(list[i].content);
    list[i].content = NULL;
  }
}

int web_files_target_is(const wsuv_upgrade_t *request, const char *path) {
  wsuv_span_t asked = wsuv_upgrade_path(request);
  return strlen(path) == asked.len && memcmp(asked.data, path, asked.len) == 0;
}

void web_files_refuse(wsuv_upgrade_t *request, int status, const char *text) {
  const wsuv_header_t headers[] = {
      {.name = "Content-Type", .value = "text/plain; charset=utf-8"},
      {.name = "Cache-Control", .value = "no-cache"},
  };
  wsuv_upgrade_reject(request, status, headers, sizeof headers / sizeof headers[0], text,
                      strlen(text));
}

static void send_file(const web_file_t *file, const char *policy, wsuv_upgrade_t *request) {
  const wsuv_header_t headers[] = {
      {.name = "Content-Type", .value = file->type},
      {.name = "Cache-Control", .value = "no-cache"},
      {.name = "Content-Security-Policy", .value = policy},
      {.name = "X-Content-Type-Options", .value = "nosniff"},
      {.name = "Referrer-Policy", .value = "no-referrer"},
  };
  int err = wsuv_upgrade_respond(request, 200, headers, sizeof headers / sizeof headers[0],
                                 file->content, file->len);
  if (err == WSUV_ENOMEM)
    wsuv_upgrade_reject(request, 503, NULL, 0, NULL, 0);
}

void web_files_answer(const web_files_t *files, wsuv_upgrade_t *request) {
  const char *method = wsuv_upgrade_method(request);
  if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
    const wsuv_header_t allow = {.name = "Allow", .value = "GET, HEAD"};
    wsuv_upgrade_reject(request, 405, &allow, 1, NULL, 0);
    return;
  }
  for (size_t i = 0; i < files->count; i++) {
    if (web_files_target_is(request, files->list[i].path)) {
      send_file(&files->list[i], files->policy, request);
      return;
    }
  }
  char text[128];
  snprintf(text, sizeof text, "There is nothing here. %s is at /\n", files->where);
  web_files_refuse(request, 404, text);
}
