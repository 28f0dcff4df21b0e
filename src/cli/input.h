/* What commands read: files, times, headers, the data directory. Private to cli.
 * Every error names the input and what was expected of it. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "sign/sign.h"
#include "store/anchor.h"
#include "store/finding.h"
#include "store/store.h"

/* All of a file, or of standard input for "-", into `out` (initialised with its maximum). */
MUST_CHECK enum error_code input_file(const char *path, struct buf *out, struct error *error);
/* RFC 3339, or whole seconds since 1970. */
MUST_CHECK enum error_code input_time(const char *option, const char *text, struct wall_time *out, struct error *error);
/* `name: value` lines, as HTTP has them; a request line at the top and an empty line at the end are passed over. */
MUST_CHECK enum error_code input_headers(
    const char *path, struct slice text, struct arena *arena, struct http_headers *out, struct error *error);
/* Opens DIR/vaultbell.db beside whatever runs on it. Read-only: it must be there; else directory and file are made. */
MUST_CHECK enum error_code input_store(const char *directory, bool read_only, struct store **out, struct error *error);

/* What is anchored of a chain; absent where there is no key yet. Read before any row is: rows that a running server adds
 * meanwhile lie behind it. */
MUST_CHECK enum error_code input_anchor(
    const struct anchor_of *of, const char *directory, struct anchor_marks *marks, struct error *error);
/* What was found not to fit the journal's anchor; none where there is no key yet. Free with findings_free. */
MUST_CHECK enum error_code input_findings(const char *directory, struct findings *out, struct error *error);
/* After rows were journalled by hand: anchors where the journal ends now. */
MUST_CHECK enum error_code input_journalled(const char *directory, struct store *store, struct error *error);
/* After a change by hand: anchors where the audit log ends now. */
MUST_CHECK enum error_code input_audited(const char *directory, struct store *store, struct error *error);

#endif
