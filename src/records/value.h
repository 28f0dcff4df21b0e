/* From an answer's JSON to the values of a record, as the mapping says. Pure. */
#ifndef RECORDS_VALUE_H
#define RECORDS_VALUE_H

#include "records/mapping.h"

/* JSON_ABSENT when it is not there. */
struct json value_at(struct json root, const struct mapping_path *path);
/* A string's or a number's text, "true" or "false"; absent for null, containers and what is not there. */
struct slice value_text(struct json value, struct arena *arena);
/* A decimal number, also with an exponent, in units of 10^-decimals: exact. False when it is none, or has more decimals. */
MUST_CHECK bool value_units(struct slice decimal, int decimals, struct arena *arena, struct slice *out);
/* Fills the draft; its slices live in `arena`. The error names the member, and never the value. */
MUST_CHECK enum error_code value_record(const struct mapping_list *list, struct json item, struct arena *arena,
    struct record_draft *draft, struct error *error);
/* `text` with every `${name}` replaced; in JSON strings the value is escaped. */
struct slice value_fill(struct slice text, const char *name, struct slice value, bool in_json, struct arena *arena);

#endif
