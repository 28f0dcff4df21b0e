/* What a command printed, made fit to be kept: cut, of printable ASCII, and without what looks like a secret. */
#ifndef ACT_SCRUB_H
#define ACT_SCRUB_H

#include "base/buf.h"

/* Writes at most `size` bytes with a NUL at the end. `secrets` are texts that are replaced wherever they stand. */
void act_scrub(struct slice output, struct slice_list secrets, char *out, size_t size);

#endif
