/* What a token of the receiver sees beyond its role: of which sources, which event types, and which members of bodies.
 * Kept with the token as JSON text, `{"sources":[…],"types":[…],"fields":[…]}`; what is left out is not restricted. */
#ifndef MODEL_SCOPE_H
#define MODEL_SCOPE_H

#include "base/buf.h"
#include "json/json.h"

struct scope {
	struct slice_list sources; /* names */
	struct slice_list types;   /* names, or with a star at the end: "transaction.*" */
	struct slice_list fields;  /* members of the body, with dots into members: "id", "data.amount" */
};

/* Empty text: no restriction. ERR_INVALID: it is not of that form (then nothing may be shown). */
MUST_CHECK enum error_code scope_parse(struct slice text, struct arena *arena, struct scope *out, struct error *error);
/* Writes the text; nothing where nothing is restricted. Its maximum is LIMIT_TOKEN_SCOPE_BYTES. */
void scope_write(struct buf *out, const struct scope *scope);
bool scope_restricted(const struct scope *scope);
bool scope_has_source(const struct scope *scope, struct slice source);
/* A row without a type is seen only by who may see all of them. */
bool scope_has_type(const struct scope *scope, struct slice type);
/* Writes what of the JSON the fields allow; the order and the texts of what stays are kept. A body that is no object has
 * no fields: null. */
void scope_project(const struct scope *scope, struct slice body, struct buf *out);

#endif
