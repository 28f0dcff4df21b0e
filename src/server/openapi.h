/* The interface's description (OpenAPI 3.1), made from the route table and the schemas of openapi_schemas.json. */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include "base/slice.h"

/* components.schemas, as a JSON object; compiled in by embed.py. */
extern const char openapi_schemas[];
extern const size_t openapi_schemas_bytes;

#endif
