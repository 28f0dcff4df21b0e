/* What the descriptions of both APIs are made of. */
#include "server/openapi.h"

#include "base/buf.h"

void
openapi_parameter(struct json_writer *writer, const char *in, struct slice name, const char *about, const char *schema)
{
	json_open(writer, '{');
	json_put_cstring(writer, "in", in);
	json_put_string(writer, "name", name);
	json_put_bool(writer, "required", strcmp(in, "path") == 0);
	json_put_cstring(writer, "description", about);
	json_key(writer, "schema");
	json_raw(writer, slice_of(schema));
	json_close(writer);
}

void
openapi_reference(struct json_writer *writer, const char *schema)
{
	struct arena arena = ARENA_EMPTY;
	json_open(writer, '{');
	json_put_string(writer, "$ref", arena_printf(&arena, "#/components/schemas/%s", schema));
	json_close(writer);
	arena_free(&arena);
}

void
openapi_answer_begin(struct json_writer *writer, int status, const char *about)
{
	char text[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10), '\0'};
	json_key(writer, text);
	json_open(writer, '{');
	json_put_cstring(writer, "description", about);
}

void
openapi_operation_begin(struct json_writer *writer, const char *method, const char *operation, const char *summary)
{
	char lower[8] = "";
	for (size_t i = 0; method[i] != '\0' && i + 1 < sizeof lower; i++)
		lower[i] = (char)(method[i] | 0x20);
	json_key(writer, lower);
	json_open(writer, '{');
	json_put_cstring(writer, "operationId", operation);
	json_put_cstring(writer, "summary", summary);
}

void
openapi_head(struct json_writer *writer, const char *title, const char *description)
{
	json_put_cstring(writer, "openapi", "3.1.0");
	json_key(writer, "info");
	json_open(writer, '{');
	json_put_cstring(writer, "title", title);
	json_put_cstring(writer, "version", VAULTBELL_VERSION);
	json_put_cstring(writer, "description", description);
	json_close(writer);
	json_key(writer, "security");
	json_raw(writer, SLICE("[{\"HTTPBearer\":[]}]"));
}

void
openapi_components(struct json_writer *writer, struct slice schemas)
{
	json_key(writer, "components");
	json_open(writer, '{');
	json_key(writer, "securitySchemes");
	json_raw(writer, SLICE("{\"HTTPBearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
	json_key(writer, "schemas");
	json_raw(writer, schemas);
	json_close(writer);
}
