/* The interface's description (OpenAPI 3.1), made from the route table and the schemas of openapi_schemas.json. */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include "json/json.h"

/* Parts (openapi_parts.c). */
void openapi_parameter(
    struct json_writer *writer, const char *in, struct slice name, const char *about, const char *schema);
void openapi_reference(struct json_writer *writer, const char *schema);
/* Opens the answer's object, or the operation's. */
void openapi_answer_begin(struct json_writer *writer, int status, const char *about);
void openapi_operation_begin(
    struct json_writer *writer, const char *method, const char *operation, const char *summary);
/* The members before `paths`, and the last one. */
void openapi_head(struct json_writer *writer, const char *title, const char *description);
void openapi_components(struct json_writer *writer, struct slice schemas);

/* components.schemas, as a JSON object; compiled in by embed.py. */
extern const char openapi_schemas[];
extern const size_t openapi_schemas_bytes;
/* The same of the receiver's API. */
extern const char reader_schemas[];
extern const size_t reader_schemas_bytes;

#endif
