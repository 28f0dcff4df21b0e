/* jansson as an oracle, behind a header of its own: its names and those of json/json.h clash. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include "base/buf.h"

enum oracle_verdict {
	ORACLE_ACCEPTED, /* and what was read is appended to `out`, in the form of canonical() in fuzz_json.c */
	ORACLE_REFUSED,
	ORACLE_DIFFERS, /* refused for a rule of jansson's own, so that it says nothing about the grammar */
};

enum oracle_verdict oracle_read(struct slice text, struct buf *out);

#endif
