/* What the files of change requests share: documents as text and taken apart. Private to change_*.c. */
#ifndef STORE_CHANGE_DOCUMENTS_H
#define STORE_CHANGE_DOCUMENTS_H

#include "model/model.h"

enum { CHANGE_DOCUMENT_BYTES_MAX = 8 << 20 };

/* The endpoint as it is stored, or (`shown`) as it may be shown; absent for NULL. */
struct slice change_document(struct arena *arena, const struct endpoint *endpoint, bool shown);
struct slice change_governance_document(struct arena *arena, const struct governance *governance);
/* The organisation's keys alone. */
struct slice change_keys_document(struct arena *arena, const struct organisation *organisation, bool shown);
/* A document of ours; absent for an absent one. */
struct json change_parse(struct slice document);
/* As json_member, of an object that may be absent. */
struct json change_member(struct json object, const char *name);

/* A member of an endpoint that the server keeps for itself: no change is about it. */
bool change_bookkeeping(struct slice name);

#endif
