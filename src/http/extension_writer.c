/* What the hooks offer and answer write to: text from the start, so that nothing of theirs has to live on. */
#include <string.h>

#include "http/extension_list.h"
#include "http/negotiation.h"
#include "wsuv/errno.h"

void wsuv_extension_writer_element(wsuv_extension_writer_t *writer) {
  if (writer->error != 0)
    return;
  if ((writer->nelements > 0 &&
       wsuv__buf_append_text(&writer->text, writer->allocator, ", ") != 0) ||
      wsuv__buf_append_text(&writer->text, writer->allocator, writer->extension->token) != 0)
    writer->error = WSUV_ENOMEM;
  writer->nelements++;
}

void wsuv_extension_writer_param(wsuv_extension_writer_t *writer, const char *name,
                                 const char *value) {
  wsuv_extension_param_t param;
  if (writer->nelements == 0)
    wsuv_extension_writer_element(writer);
  if (writer->error != 0)
    return;
  param.name = name;
  param.value = value;
  writer->error = wsuv__extension_list_write_param(&writer->text, writer->allocator, &param);
}
